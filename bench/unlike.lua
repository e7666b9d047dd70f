-- Asks in other words each time, and is answered so: the origin repeats the number in a field.
local number = 0

request = function()
  number = number + 1
  return wrk.format(nil, wrk.path .. "?n=" .. number)
end

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "wrk.lua")
