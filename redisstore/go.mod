module github.com/checkpointstore/checkpoint/redisstore

go 1.26.0

require github.com/checkpointstore/checkpoint v0.0.0

replace github.com/checkpointstore/checkpoint => ..
