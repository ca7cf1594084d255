package logs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// A record is a log record as a connector wrote it: nothing in it can be relied on
// but the types.
type record struct {
	level   hclog.Level
	message string
	attrs   []attr
}

// An attr is a key, and a string, json.Number, bool or nil.
type attr struct {
	key   string
	value any
}

const (
	maxAttrs = 64
	maxDepth = 4 // of nested groups that become dotted keys
)

// parse reads a record of package serve, of slog's JSON handler, or of hclog.
func parse(line []byte) (record, bool) {
	if len(line) == 0 || line[0] != '{' {
		return record{}, false
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return record{}, false
	}
	level, message, ok := slogHead(fields)
	if !ok {
		level, message, ok = hclogHead(fields)
	}
	if !ok {
		return record{}, false
	}
	r := record{level: level, message: message}
	if attrs, ok := fields[link.LogAttrs].(map[string]any); ok {
		delete(fields, link.LogAttrs)
		r.flatten("", fields, 1)
		r.flatten("", attrs, 1)
	} else {
		r.flatten("", fields, 1)
	}
	return r, true
}

// slogHead takes level and message out of fields, as package serve writes them.
func slogHead(fields map[string]any) (hclog.Level, string, bool) {
	text, isLevel := fields[link.LogLevel].(string)
	message, isMessage := fields[link.LogMessage].(string)
	var level slog.Level
	if !isLevel || !isMessage || level.UnmarshalText([]byte(text)) != nil {
		return 0, "", false
	}
	delete(fields, link.LogLevel)
	delete(fields, link.LogMessage)
	return fromSlog(level), message, true
}

// hclogHead does the same for hclog, in which go-plugin's own server logs.
func hclogHead(fields map[string]any) (hclog.Level, string, bool) {
	text, isLevel := fields["@level"].(string)
	message, isMessage := fields["@message"].(string)
	level := hclog.LevelFromString(text)
	if !isLevel || !isMessage || level == hclog.NoLevel || level == hclog.Off {
		return 0, "", false
	}
	for _, key := range []string{"@level", "@message", "@caller"} {
		delete(fields, key)
	}
	return level, message, true
}

func fromSlog(level slog.Level) hclog.Level {
	switch {
	case level < slog.LevelDebug:
		return hclog.Trace
	case level < slog.LevelInfo:
		return hclog.Debug
	case level < slog.LevelWarn:
		return hclog.Info
	case level < slog.LevelError:
		return hclog.Warn
	default:
		return hclog.Error
	}
}

// flatten adds fields in the order of their keys, groups as dotted keys.
func (r *record) flatten(path string, fields map[string]any, depth int) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if len(r.attrs) == maxAttrs {
			return
		}
		value := fields[key]
		group, isGroup := value.(map[string]any)
		switch {
		case isGroup && depth < maxDepth:
			r.flatten(path+key+".", group, depth+1)
		case isScalar(value):
			r.attrs = append(r.attrs, attr{path + key, value})
		default:
			r.attrs = append(r.attrs, attr{path + key, asJSON(value)})
		}
	}
}

func isScalar(value any) bool {
	switch value.(type) {
	case nil, bool, string, json.Number:
		return true
	}
	return false
}

// asJSON gives back the text of a value that came from JSON, so it cannot fail.
func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// prefixLevel is the level of a line that names one in brackets, else debug.
func prefixLevel(line []byte) hclog.Level {
	name, bracketed := strings.CutPrefix(string(line[:min(len(line), 16)]), "[")
	name, _, closed := strings.Cut(name, "]")
	level := hclog.LevelFromString(name)
	if !bracketed || !closed || level == hclog.NoLevel || level == hclog.Off {
		return hclog.Debug
	}
	return level
}

// startsCrash reports whether line is the first that Go's runtime prints of a crash.
func startsCrash(line []byte) bool {
	return bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: ")) ||
		bytes.HasPrefix(line, []byte("runtime: goroutine stack exceeds"))
}
