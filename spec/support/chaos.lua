--- The faults that chaos picks from when it is not told: all of them are mended by trying again.
return {
  { status = 503 }, { status = 500, json = { message = "boom" } }, { html = true }, { status = 408 },
  { status = 409 },
  { status = 429, headers = { ["retry-after-ms"] = "1" } }, { status = 503, headers = { ["Retry-After"] = "0" } },
  { reset = true }, { close = true }, { reset = true, effect = true }, { close = true, effect = true },
  { cut = "random" }, { cut = "random", by = "reset" }, { cut = "random", framing = "chunked" },
  { close_after = true }, { close_after = "reset" }, { framing = "chunked" }, { gzip = true }, { gzip = "cut" },
  { interim = { 103 } }, { garbage = true }, { trickle = { bytes = 1777, every = 0 } }, { delay = 0.005 },
}
