module github.com/checkpointstore/checkpoint

go 1.26.0
