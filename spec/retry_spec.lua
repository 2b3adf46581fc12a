local retry = require "runloop.retry"

-- Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110
local EXAMPLE = 784111777

describe("an HTTP date", function()
  it("is read in all three formats", function()
    assert.equal(EXAMPLE, retry.http_date("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE))
    assert.equal(EXAMPLE, retry.http_date("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE))
    assert.equal(EXAMPLE, retry.http_date("Sun Nov  6 08:49:37 1994", EXAMPLE))
  end)

  it("knows the epoch, leap years and centuries", function()
    assert.equal(0, retry.http_date("Thu, 01 Jan 1970 00:00:00 GMT", 0))
    assert.equal(951782400, retry.http_date("Tue, 29 Feb 2000 00:00:00 GMT", 0))
    assert.equal(1709164800, retry.http_date("Thu, 29 Feb 2024 00:00:00 GMT", 0))
    assert.equal(1709251200, retry.http_date("Fri, 01 Mar 2024 00:00:00 GMT", 0))
    assert.equal(4107542400, retry.http_date("Mon, 01 Mar 2100 00:00:00 GMT", 0))
    assert.equal(4107456000, retry.http_date("Sun, 28 Feb 2100 00:00:00 GMT", 0))
  end)

  it("puts a year of two digits at most fifty years ahead", function()
    local in_2026 = 1780000000
    assert.equal(retry.http_date("Thu, 01 Jan 2026 00:00:00 GMT", 0),
      retry.http_date("Thursday, 01-Jan-26 00:00:00 GMT", in_2026))
    assert.equal(retry.http_date("Wed, 01 Jan 2076 00:00:00 GMT", 0),
      retry.http_date("Wednesday, 01-Jan-76 00:00:00 GMT", in_2026))
    assert.equal(retry.http_date("Sat, 01 Jan 1977 00:00:00 GMT", 0),
      retry.http_date("Saturday, 01-Jan-77 00:00:00 GMT", in_2026))
  end)

  it("is nothing else", function()
    for _, text in ipairs {
      "", "soon", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "1994-11-06T08:49:37Z",
    } do
      assert.is_nil(retry.http_date(text, EXAMPLE), text)
    end
  end)
end)

describe("whether to try again", function()
  it("is yes without an answer", function()
    assert.is_true(retry.should_retry(nil, nil))
  end)

  it("is yes for 408, 409, 429 and the server's own errors", function()
    for _, status in ipairs { 408, 409, 429, 500, 502, 503, 504, 529, 599 } do
      assert.is_true(retry.should_retry(status, {}), status)
    end
  end)

  it("is no for other answers", function()
    for _, status in ipairs { 200, 204, 301, 304, 400, 401, 403, 404, 410, 422 } do
      assert.is_false(retry.should_retry(status, nil) or false, status)
    end
  end)

  it("is for the server to say", function()
    assert.is_true(retry.should_retry(400, { ["x-should-retry"] = "true" }))
    assert.is_false(retry.should_retry(500, { ["x-should-retry"] = "false" }))
    assert.is_true(retry.should_retry(500, { ["x-should-retry"] = "perhaps" }))
    assert.is_false(retry.should_retry(400, { ["x-should-retry"] = "perhaps" }) or false)
  end)

  it("is never yes for a success", function()
    assert.is_false(retry.should_retry(200, { ["x-should-retry"] = "true" }))
  end)
end)

describe("the wait", function()
  local function wait(headers, retries, max, random)
    return retry.wait(retries or 0, headers, max or 60, EXAMPLE, random or 0)
  end

  it("doubles up to max_retry_wait", function()
    for retries, seconds in pairs { [0] = 1, 2, 4, 8, 16, 32, 60, 60 } do
      assert.same({ seconds, nil }, { wait(nil, retries) })
    end
    assert.equal(60, (wait(nil, 5000)))
    assert.equal(0, (wait(nil, 3, 0)))
  end)

  it("is spread over its last quarter", function()
    assert.equal(8, (wait(nil, 3, 60, 0)))
    assert.equal(7, (wait(nil, 3, 60, 0.5)))
    assert.is_true(wait(nil, 3, 60, 0.999999) > 6)
  end)

  it("is the server's, in milliseconds, seconds or as a date", function()
    assert.same({ 0.25, 0.25 }, { wait { ["retry-after-ms"] = "250" } })
    assert.same({ 7, 7 }, { wait { ["retry-after"] = "7" } })
    assert.same({ 1.5, 1.5 }, { wait { ["retry-after"] = " 1.5 " } })
    assert.same({ 23, 23 }, { wait { ["retry-after"] = "Sun, 06 Nov 1994 08:50:00 GMT" } })
  end)

  it("is a date by the clock of the answer, where that tells it", function()
    local date, later = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:49 GMT"
    for _, ours in ipairs { 0, -7200, 7200 } do
      assert.same({ 12, 12 }, { retry.wait(0, { ["retry-after"] = later, date = date }, 60, EXAMPLE + ours, 0) })
    end
    assert.same({ 12, 12 }, { wait { ["retry-after"] = later, date = "yesterday" } })
    assert.same({ 2, nil }, { wait({ ["retry-after"] = date, date = later }, 1) })
  end)

  it("is not spread when it is the server's", function()
    assert.equal(7, (wait({ ["retry-after"] = "7" }, 0, 60, 0.9)))
  end)

  it("prefers milliseconds, and falls back to seconds when these are unreadable", function()
    assert.equal(0.5, (wait { ["retry-after-ms"] = "500", ["retry-after"] = "7" }))
    assert.equal(7, (wait { ["retry-after-ms"] = "many", ["retry-after"] = "7" }))
  end)

  it("is nothing when the server says 0", function()
    assert.same({ 0, 0 }, { wait { ["retry-after"] = "0" } })
    assert.same({ 0, 0 }, { wait { ["retry-after-ms"] = "0" } })
  end)

  it("is our own when the server's is negative, past or unreadable", function()
    for _, text in ipairs {
      "-1", "soon", "", "0x10", "1e3", "1,5", "7, 7", "nan", "inf", "Sun, 06 Nov 1994 08:49:36 GMT",
    } do
      assert.same({ 2, nil }, { wait({ ["retry-after"] = text }, 1) }, text)
    end
    assert.same({ 2, nil }, { wait({ ["retry-after-ms"] = "-1" }, 1) })
  end)

  it("does not take place when the server asks for more than max_retry_wait", function()
    assert.same({ nil, 61 }, { wait { ["retry-after"] = "61" } })
    assert.same({ 60, 60 }, { wait { ["retry-after"] = "60" } })
    assert.same({ nil, 3600 }, { wait { ["retry-after-ms"] = "3600000" } })
    local seconds, asked = wait { ["retry-after"] = ("9"):rep(400) }
    assert.is_nil(seconds)
    assert.is_true(asked > 60)
  end)
end)
