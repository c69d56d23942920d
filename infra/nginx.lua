-- Blocking reloads of parts: of those that wait in a worker for the same playlist one asks the origin, the others are woken by its answer
-- and take it out of nginx's cache. nginx's own lock (proxy_cache_lock) does the same, but lets the waiting look only every 500 ms, which
-- is more than two parts. infra/nginx.conf calls the functions by their phases, and only after it has checked who may watch.
local semaphore = require "ngx.semaphore"

local DEADLINE_S = 10 -- longer than the origin holds a reload (three target durations): then it asks itself who has waited in vain
local TOLD_S = 2 -- a player of segments is told of so often, and a quarter of that would do (streams/edges/audience.py: 10 s of silence)
local HEADERS = { "Content-Type", "Content-Encoding", "Cache-Control", "Access-Control-Allow-Origin", "Retry-After" } -- of a problem

local asking = {} -- by cache key: the reload that is at the origin
local reloads = {}

-- A problem is kept by no cache. It is the answer to all who have waited for it, and to nobody after them.
local function refuse(problem)
    ngx.status = problem.status
    for _, name in ipairs(HEADERS) do
        ngx.header[name] = problem.headers[name]
    end
    local body = table.concat(problem)
    ngx.header.content_length = #body
    ngx.print(body)
    return ngx.exit(ngx.HTTP_OK) -- ends the request; its status has gone out
end

local function forget(reload)
    if asking[reload.key] == reload then
        asking[reload.key] = nil
    end
end

local function wake(reload)
    ngx.ctx.reload = nil
    forget(reload)
    if reload.waiting > 0 then
        reload.come:post(reload.waiting)
    end
end

-- Access phase: goes on to the cache at once, or when the answer is there.
function reloads.wait()
    local var = ngx.var
    if var.together == "" then
        return
    end
    var.told = ngx.shared.told:add(var.viewer, true, TOLD_S) and "" or "1"
    local key = var.document
    local reload
    repeat -- where the one that asked has gone, the first to wake asks
        reload = asking[key]
        if not reload then
            reload = { key = key, waiting = 0 }
            asking[key], ngx.ctx.reload = reload, reload
            return
        end
        reload.come = reload.come or semaphore.new()
        reload.waiting = reload.waiting + 1
        local come = reload.come:wait(DEADLINE_S)
        reload.waiting = reload.waiting - 1
        if not come then
            forget(reload)
            var.alone = "1"
            return
        end
    until not reload.gone
    if reload.problem then
        return refuse(reload.problem)
    end
end

-- Body filter: nginx passes the end on when the answer is whole, and then has it in the cache, however slowly the one that asked reads.
function reloads.pass()
    local reload = ngx.ctx.reload
    if not reload then
        return
    end
    if ngx.status ~= ngx.HTTP_OK then
        reload.problem = reload.problem or { status = ngx.status, headers = ngx.resp.get_headers() }
        table.insert(reload.problem, ngx.arg[1])
    end
    if ngx.arg[2] then
        wake(reload)
    end
end

-- Log phase: there was no end, for who asked has gone; nginx keeps no answer that it cannot pass on.
function reloads.over()
    local reload = ngx.ctx.reload
    if reload then
        reload.gone = true
        wake(reload)
    end
end

return reloads
