"""Bytes over SSH, for both ends: the only room that knows asyncssh."""
