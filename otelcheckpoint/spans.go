package otelcheckpoint

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/metrics"
	"github.com/checkpointstore/checkpoint/subscription"
)

// The keys of contexts. Another Observer has others.
type (
	callKey  struct{ *Observer }
	flushKey struct{ *Observer }
)

func (o *Observer) startCall(ctx context.Context, c checkpoint.Call) context.Context {
	attrs := []attribute.KeyValue{dbSystem.String(metrics.Call{Engine: c.Engine}.System()), dbOperation.String(c.Op)}
	if c.Size > 1 {
		attrs = append(attrs, dbBatchSize.Int(c.Size))
	}
	if c.Key != "" && checkpoint.ValidateKey(c.Key) == nil {
		attrs = append(attrs, keyAttribute.String(c.Key))
	}
	if c.Pattern != "" {
		attrs = append(attrs, patternAttribute.String(valid(c.Pattern)))
	}
	if metrics.IsWrite(c) {
		attrs = append(attrs, positionAttribute.String(c.Write.Position.String()))
	}
	ctx, span := o.tracer.Start(ctx, c.Op, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	return context.WithValue(ctx, callKey{o}, span)
}

func (o *Observer) endCall(ctx context.Context, c checkpoint.Call, r checkpoint.CallResult, failure string) {
	span, ok := ctx.Value(callKey{o}).(trace.Span)
	if !ok {
		return
	}
	if metrics.IsWrite(c) {
		span.SetAttributes(outcomeAttribute.String(r.Outcome.String()))
	}
	end(span, failure, r.Err)
}

func end(span trace.Span, failure string, err error) {
	if failure != "" {
		reason := failure
		if err != nil {
			reason = err.Error()
		}
		span.SetStatus(codes.Error, valid(reason))
		span.SetAttributes(errorType.String(failure))
	}
	span.End()
}

// valid returns text as UTF-8. An exporter of OTLP drops all spans of a batch if the text
// of one of them is not valid.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// FlushStart implements subscription.FlushStarter.
func (o *Observer) FlushStart(ctx context.Context, key string, p checkpoint.Position) context.Context {
	if o.tracer == nil {
		return ctx
	}
	ctx, span := o.tracer.Start(ctx, opCommit, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		messagingSystem.String(o.system), messagingName.String(opCommit), messagingType.String(typeSettle),
		messagingGroup.String(key), positionAttribute.String(p.String())))
	return context.WithValue(ctx, flushKey{o}, span)
}

// Flushed implements subscription.FlushedObserver.
func (o *Observer) Flushed(f subscription.Flush) {
	o.consumers.Flushed(f)
	if o.tracer == nil {
		return
	}
	if span, ok := f.Context.Value(flushKey{o}).(trace.Span); ok {
		end(span, metrics.ErrorType(f.Err), f.Err)
	}
}
