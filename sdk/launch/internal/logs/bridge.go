// Package logs turns whatever a connector writes into log entries of its host.
//
// It takes any bytes: lines without end, binary, forged records, a flood. It never
// panics, never holds more than a few hundred kilobytes, and never stops reading, so
// that a connector cannot be stalled by its own output. What exceeds the line cap or
// the byte rate is cut or dropped, and the cut and the loss are reported.
//
// Redaction protects against accidents. It masks the secrets that the host has sent
// to the connector, and what looks like a credential or a card number; a connector
// that encodes a secret to smuggle it out will succeed.
package logs

import (
	"io"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// The limits on what one connector may write.
const (
	MaxLine   = 16 << 10  // bytes of a line; the rest is cut
	PerSecond = 256 << 10 // bytes a second in the long run, over all streams
	Burst     = 512 << 10 // bytes at once

	lineCost = 64 // bytes that a line counts beyond its own, so that short ones count too
)

// A Bridge carries the output of one process to one logger. Its streams may be
// written to concurrently.
type Bridge struct {
	log    hclog.Logger
	redact func(string) string

	mu       sync.Mutex
	budget   budget
	dropped  loss
	tail     tail
	crashing bool // a panic was seen: what follows without a level is its stack
}

// A loss is what was dropped since the last entry that was let through.
type loss struct{ lines, bytes int }

// New returns a Bridge to log. Every string that leaves it has been through redact.
func New(log hclog.Logger, redact func(string) string) *Bridge {
	return &Bridge{log: log, redact: redact, budget: newBudget(PerSecond, Burst)}
}

// Stderr returns a stream for log records and raw lines. Close flushes its last line.
func (b *Bridge) Stderr() io.WriteCloser {
	return newLines(MaxLine, func(line []byte, cut int) { b.take(line, cut, b.emit) })
}

// Stdout returns a stream for lines that are logged as they are, at debug level:
// standard output is for the handshake and no place to log.
func (b *Bridge) Stdout() io.WriteCloser {
	return newLines(MaxLine, func(line []byte, cut int) { b.take(line, cut, b.emitStdout) })
}

// Tail returns the last lines of standard error, redacted and shortened; of a panic,
// the lines before it and the beginning of its stack.
func (b *Bridge) Tail() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := make([]string, len(b.tail.lines))
	for i, line := range b.tail.lines {
		lines[i] = shorten(b.render(line))
	}
	return lines
}

// Close reports what was dropped last. The streams must be closed before.
func (b *Bridge) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reportLoss()
}

// take decides whether a line is let through.
func (b *Bridge) take(line []byte, cut int, emit func(line []byte, cut int)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.budget.take(len(line) + lineCost) {
		if b.dropped.lines == 0 {
			b.log.Warn("the connector writes too much; dropping lines", "bytes_per_second", PerSecond)
		}
		b.dropped.lines++
		b.dropped.bytes += len(line) + cut
		b.keep(line, cut)
		return
	}
	b.reportLoss()
	emit(line, cut)
}

func (b *Bridge) reportLoss() {
	if b.dropped.lines > 0 {
		b.log.Warn("lines of the connector were dropped", "lines", b.dropped.lines, "bytes", b.dropped.bytes)
		b.dropped = loss{}
	}
}

func (b *Bridge) emitStdout(line []byte, cut int) {
	b.log.Debug(b.safe(line, cut), withCut([]any{"stream", "stdout"}, cut)...)
}

// emit logs a line of standard error.
func (b *Bridge) emit(line []byte, cut int) {
	b.keep(line, cut)
	entry, ok := parse(line)
	if !ok {
		b.log.Log(b.levelOf(line), b.safe(line, cut), withCut(nil, cut)...)
		return
	}
	if entry.level < b.log.GetLevel() {
		return
	}
	b.log.Log(entry.level, b.text(entry.message), b.pairs(entry.attrs)...)
}

// keep remembers a line for Tail.
func (b *Bridge) keep(line []byte, cut int) {
	if startsCrash(line) {
		b.crashing = true
		b.tail.hold()
	}
	b.tail.add(kept{text: string(line), cut: cut > 0})
}

// levelOf guesses the level of a line that is not a record.
func (b *Bridge) levelOf(line []byte) hclog.Level {
	if b.crashing {
		return hclog.Error
	}
	return prefixLevel(line)
}

func withCut(args []any, cut int) []any {
	if cut > 0 {
		args = append(args, "cut_bytes", cut)
	}
	return args
}
