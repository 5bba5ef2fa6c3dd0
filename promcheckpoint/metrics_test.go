package promcheckpoint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/metricstest"
	"github.com/checkpointstore/checkpoint/promcheckpoint"
)

func TestMetrics(t *testing.T) {
	metricstest.Run(t, func(t *testing.T, keys string) (checkpoint.Observer, func() metricstest.Samples) {
		t.Helper()
		c := promcheckpoint.New(&promcheckpoint.Options{Keys: keys})
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(c)
		return c, func() metricstest.Samples { return scrape(t, registry) }
	})
}

func scrape(t *testing.T, from prometheus.Gatherer) metricstest.Samples {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := metricstest.Samples{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := labelsOf(m)
			switch f.GetType() {
			case dto.MetricType_HISTOGRAM:
				samples[f.GetName()+"_count"+labels] = float64(m.GetHistogram().GetSampleCount())
				samples[f.GetName()+"_sum"+labels] = m.GetHistogram().GetSampleSum()
			case dto.MetricType_COUNTER:
				samples[f.GetName()+labels] = m.GetCounter().GetValue()
			default:
				samples[f.GetName()+labels] = m.GetGauge().GetValue()
			}
		}
	}
	return samples
}

func labelsOf(m *dto.Metric) string {
	var labels []string
	for _, l := range m.GetLabel() {
		if l.GetValue() != "" {
			labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
	}
	slices.Sort(labels)
	return "{" + strings.Join(labels, ",") + "}"
}
