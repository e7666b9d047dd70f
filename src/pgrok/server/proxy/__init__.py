"""Where visitors come in: public HTTP, by host name, and public TCP, by port."""
