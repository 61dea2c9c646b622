-- Posts the notifications of a file (a line each: path, headers and body between tabs, headers between unit separators)
-- again and again, after a pause of PAUSE_MS each, or none; then writes how many were answered in which time, how many were not, and how long answers took.
local posts, at = {}, 0
local pause = tonumber(os.getenv("PAUSE_MS") or "0")

function init()
  for line in io.lines(os.getenv("POSTS")) do
    local path, lines, body = line:match("^(%S+)\t([^\t]*)\t(.*)$")
    local headers = { ["Host"] = wrk.host }
    for name, value in lines:gmatch("([^:\31]+): ([^\31]*)") do headers[name] = value end
    posts[#posts + 1] = wrk.format("POST", path, headers, body)
  end
end

function request()
  at = at % #posts + 1
  return posts[at]
end

if pause > 0 then
  -- As apart as requests that know nothing of each other.
  function delay() return math.floor(-pause * math.log(1 - math.random()) + 0.5) end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local told = '{"answered": %d, "failed": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "max_ms": %f}\n'
  io.write(told:format(summary.requests, failed, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
