package serve

import (
	"context"
	"io"
	"log/slog"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// A handler writes records for the host: one line of JSON each. What identifies the
// call stands beside the author's attributes and not among them, so that they cannot
// be confused.
type handler struct {
	root   slog.Handler
	author []func(slog.Handler) slog.Handler // WithAttrs and WithGroup, in order
	plain  slog.Handler                      // root with author applied, for records without a call
}

func newHandler(w io.Writer) slog.Handler {
	return newLayered(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}), nil)
}

func newLayered(root slog.Handler, author []func(slog.Handler) slog.Handler) *handler {
	h := &handler{root: root, author: author}
	h.plain = h.layer(root)
	return h
}

// layer adds what the author has added to a handler that has everything else.
func (h *handler) layer(on slog.Handler) slog.Handler {
	on = on.WithGroup(link.LogAttrs)
	for _, add := range h.author {
		on = add(on)
	}
	return on
}

// Enabled implements [slog.Handler]. Which levels are kept is the host's business.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.root.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	if ids := identity(sdk.CallFrom(ctx)); len(ids) > 0 {
		return h.layer(h.root.WithAttrs(ids)).Handle(ctx, record)
	}
	return h.plain.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(on slog.Handler) slog.Handler { return on.WithAttrs(attrs) })
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	return h.with(func(on slog.Handler) slog.Handler { return on.WithGroup(name) })
}

func (h *handler) with(add func(slog.Handler) slog.Handler) slog.Handler {
	return newLayered(h.root, append(h.author[:len(h.author):len(h.author)], add))
}

// identity names the call, leaving out what it does not say.
func identity(call sdk.Call) []slog.Attr {
	var ids []slog.Attr
	for _, id := range []struct{ key, value string }{
		{link.LogPayment, string(call.PaymentID)},
		{link.LogOperation, string(call.OperationID)},
		{link.LogAccount, call.Account.ID},
	} {
		if id.value != "" {
			ids = append(ids, slog.String(id.key, id.value))
		}
	}
	return ids
}
