-- Reports a run of wrk as one line of JSON.
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nbench {"requests": %d, "seconds": %.6f, "p50": %.4f, "p99": %.4f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
