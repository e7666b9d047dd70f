"""The small application that `pgrokd demo` puts behind a tunnel: it shows what arrives."""
