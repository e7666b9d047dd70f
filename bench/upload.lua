-- Uploads of 10 MB: nginx would stop for a while to let go of a larger file than that.
wrk.method = "PUT"
wrk.body = string.rep("x", 10000000)
