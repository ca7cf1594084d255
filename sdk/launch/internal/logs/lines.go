package logs

import (
	"bytes"
	"sync"
)

// lines cuts a stream into lines. It holds at most max bytes. It may be closed while
// somebody still writes to it; what comes later is emitted too, as whole lines.
type lines struct {
	max  int
	emit func(line []byte, cut int)

	mu   sync.Mutex
	held []byte // the line so far
	cut  int    // bytes of it beyond max, thrown away
}

func newLines(limit int, emit func(line []byte, cut int)) *lines {
	return &lines{max: limit, emit: emit}
}

// Write takes every byte and never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.hold(p)
			return n, nil
		}
		l.hold(p[:end])
		l.flush()
		p = p[end+1:]
	}
}

// Close emits what came after the last newline.
func (l *lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) > 0 {
		l.flush()
	}
	return nil
}

func (l *lines) hold(p []byte) {
	room := min(l.max-len(l.held), len(p))
	l.held = append(l.held, p[:room]...)
	l.cut += len(p) - room
}

func (l *lines) flush() {
	line := bytes.TrimSuffix(l.held, []byte("\r"))
	if len(line) > 0 {
		l.emit(line, l.cut)
	}
	l.held, l.cut = l.held[:0], 0
}
