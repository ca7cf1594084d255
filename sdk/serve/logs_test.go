package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// TestHandlerIsAHandler lays the author's attributes where slog's own test looks.
func TestHandlerIsAHandler(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return newHandler(&out)
	}, func(t *testing.T) map[string]any {
		record := decode(t, out.Bytes())
		if attrs, ok := record[link.LogAttrs].(map[string]any); ok {
			delete(record, link.LogAttrs)
			maps.Copy(record, attrs)
		}
		return record
	})
}

func decode(t *testing.T, line []byte) map[string]any {
	t.Helper()
	if bytes.Count(line, []byte("\n")) != 1 {
		t.Fatalf("not one line: %q", line)
	}
	var record map[string]any
	if err := json.Unmarshal(line, &record); err != nil {
		t.Fatal(err)
	}
	return record
}

func TestRecordNamesItsCall(t *testing.T) {
	type record = map[string]any
	call := sdk.WithCall(t.Context(), sdk.Call{
		PaymentID: "p1", OperationID: "o1",
		Account: sdk.Account{ID: "a1", Secrets: map[string]sdk.Secret{"key": sdk.NewSecret("hunter2")}},
	})
	tests := map[string]struct {
		ctx  context.Context
		log  func(context.Context, *slog.Logger)
		want record
	}{
		"with a call": {
			call, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", "k", "v") },
			record{"level": "INFO", "msg": "m", "payment_id": "p1", "operation_id": "o1", "account": "a1", "attrs": record{"k": "v"}},
		},
		"without a call": {
			t.Context(), func(ctx context.Context, l *slog.Logger) { l.DebugContext(ctx, "m") },
			record{"level": "DEBUG", "msg": "m"},
		},
		"an author's attribute of the same name": {
			call, func(ctx context.Context, l *slog.Logger) { l.With("payment_id", "forged").WarnContext(ctx, "m") },
			record{
				"level": "WARN", "msg": "m", "payment_id": "p1", "operation_id": "o1", "account": "a1",
				"attrs": record{"payment_id": "forged"},
			},
		},
		"groups": {
			call, func(ctx context.Context, l *slog.Logger) {
				l.WithGroup("http").With("status", 200).ErrorContext(ctx, "m", "try", 2)
			},
			record{
				"level": "ERROR", "msg": "m", "payment_id": "p1", "operation_id": "o1", "account": "a1",
				"attrs": record{"http": record{"status": 200.0, "try": 2.0}},
			},
		},
		"a secret": {
			t.Context(), func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", "key", sdk.NewSecret("hunter2")) },
			record{"level": "INFO", "msg": "m", "attrs": record{"key": "[secret]"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tt.log(tt.ctx, slog.New(newHandler(&out)))
			got := decode(t, out.Bytes())
			delete(got, link.LogTime)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoggersOfOneParentDoNotMix(t *testing.T) {
	var out bytes.Buffer
	parent := slog.New(newHandler(&out)).With("a", 1)
	first, second := parent.With("b", 2), parent.With("c", 3)
	second.Info("m")
	out.Reset()
	first.Info("m")
	if diff := cmp.Diff(map[string]any{"a": 1.0, "b": 2.0}, decode(t, out.Bytes())[link.LogAttrs]); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}
