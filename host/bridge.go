package host

import (
	"context"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// bridge writes this module's slog records through hclog, so that one log carries the
// host, go-plugin and the connectors alike.
type bridge struct {
	log    hclog.Logger
	prefix string
}

func newBridge(log hclog.Logger) slog.Handler { return bridge{log: log} }

func (b bridge) Enabled(_ context.Context, level slog.Level) bool {
	return b.log.GetLevel() <= levelOf(level)
}

// levelOf is the level of hclog that a level of slog lies in.
func levelOf(level slog.Level) hclog.Level {
	switch {
	case level < slog.LevelInfo:
		return hclog.Debug
	case level < slog.LevelWarn:
		return hclog.Info
	case level < slog.LevelError:
		return hclog.Warn
	}
	return hclog.Error
}

func (b bridge) Handle(_ context.Context, r slog.Record) error {
	args := make([]any, 0, 2*r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		args = append(args, b.prefix+a.Key, a.Value.Resolve().Any())
		return true
	})
	b.log.Log(levelOf(r.Level), r.Message, args...)
	return nil
}

func (b bridge) WithAttrs(attrs []slog.Attr) slog.Handler {
	args := make([]any, 0, 2*len(attrs))
	for _, a := range attrs {
		args = append(args, b.prefix+a.Key, a.Value.Resolve().Any())
	}
	return bridge{log: b.log.With(args...), prefix: b.prefix}
}

func (b bridge) WithGroup(name string) slog.Handler {
	return bridge{log: b.log, prefix: b.prefix + name + "."}
}
