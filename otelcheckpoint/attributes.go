package otelcheckpoint

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/checkpointstore/checkpoint/internal/metrics"
)

// Attributes of the semantic conventions.
const (
	dbSystem        = attribute.Key("db.system.name")
	dbOperation     = attribute.Key("db.operation.name")
	dbBatchSize     = attribute.Key("db.operation.batch.size")
	messagingSystem = attribute.Key("messaging.system")
	messagingName   = attribute.Key("messaging.operation.name")
	messagingType   = attribute.Key("messaging.operation.type")
	messagingGroup  = attribute.Key("messaging.consumer.group.name")
	errorType       = attribute.Key("error.type")
	opProcess       = "process"
	opCommit        = "commit"
	typeSettle      = "settle"
)

// Attributes of ours. Metrics have only the first four: a position never names a series.
const (
	keyAttribute      = attribute.Key("checkpoint.key")
	outcomeAttribute  = attribute.Key("checkpoint.outcome")
	groupAttribute    = attribute.Key("checkpoint.group")
	moveAttribute     = attribute.Key("checkpoint.move")
	patternAttribute  = attribute.Key("checkpoint.pattern")
	positionAttribute = attribute.Key("checkpoint.position")
)

// A labelled is a label, and the type of an error or "".
type labelled struct{ label, failure string }

// set returns the attributes whose values are not empty.
func set(attrs ...attribute.KeyValue) attribute.Set {
	kept := attrs[:0]
	for _, a := range attrs {
		if a.Value.AsString() != "" {
			kept = append(kept, a)
		}
	}
	return attribute.NewSet(kept...)
}

func callOptions(c metrics.Call) []metric.RecordOption {
	return []metric.RecordOption{metric.WithAttributeSet(set(
		dbSystem.String(c.System()), dbOperation.String(c.Op), errorType.String(c.Error)))}
}

func (o *Observer) eventOptions(e labelled) []metric.RecordOption {
	return []metric.RecordOption{metric.WithAttributeSet(set(
		messagingSystem.String(o.system), messagingName.String(opProcess),
		messagingGroup.String(e.label), errorType.String(e.failure)))}
}
