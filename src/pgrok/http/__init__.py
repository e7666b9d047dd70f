"""HTTP/1.1 (RFC 9110, RFC 9112) without I/O: heads, bodies, framing, error pages."""
