-- Sixteen requests at once, for wrk.
init = function()
    local requests = {}
    for number = 1, 16 do
        requests[number] = wrk.format()
    end
    sixteen = table.concat(requests)
end

request = function()
    return sixteen
end
