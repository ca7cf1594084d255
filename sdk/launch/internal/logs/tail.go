package logs

import "slices"

const (
	tailLines  = 24  // kept of ordinary output
	crashLines = 40  // kept of a crash, after its first line
	tailWidth  = 512 // bytes of each when given out
)

// A kept line is raw, because a secret that is learnt later must still be masked.
type kept struct {
	text string
	cut  bool
}

// A tail remembers the last lines, or the first ones of a crash: a long stack must
// not push out its own reason.
type tail struct {
	lines []kept
	held  bool
	room  int // lines still taken after hold
}

// hold keeps what there is and takes a fixed number of lines more.
func (t *tail) hold() {
	if !t.held {
		t.held, t.room = true, crashLines
	}
}

func (t *tail) add(line kept) {
	if t.held {
		if t.room == 0 {
			return
		}
		t.room--
	} else if len(t.lines) == tailLines {
		t.lines = slices.Delete(t.lines, 0, 1)
	}
	t.lines = append(t.lines, line)
}

func shorten(line string) string {
	if len(line) <= tailWidth {
		return line
	}
	return line[:tailWidth] + "…"
}
