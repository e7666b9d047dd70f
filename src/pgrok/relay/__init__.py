"""Couples two transports: through an exchange of HTTP messages, or raw.

Both ends of a tunnel use it alike: at the server the downstream side is the visitor's socket and
the upstream side a channel; at the client the channel is downstream and the target upstream
(RFC 9110 3.7). Nothing here knows SSH, names or settings.
"""
