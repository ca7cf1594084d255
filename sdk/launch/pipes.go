package launch

import (
	"errors"
	"os"
)

// A pipe has an end for the process and one for us.
type pipe struct{ theirs, ours *os.File }

// pipes are the three of a process. Nothing is ever written to stdin: that it closes
// tells the process that we are gone.
type pipes struct{ stdin, stdout, stderr pipe }

func openPipes() (*pipes, error) {
	p := new(pipes)
	var in, out, errs error
	p.stdin.theirs, p.stdin.ours, in = os.Pipe()
	p.stdout.ours, p.stdout.theirs, out = os.Pipe()
	p.stderr.ours, p.stderr.theirs, errs = os.Pipe()
	if err := errors.Join(in, out, errs); err != nil {
		return nil, errors.Join(err, p.closeTheirs(), p.closeOurs())
	}
	return p, nil
}

func (p *pipes) closeTheirs() error {
	return closeAll(p.stdin.theirs, p.stdout.theirs, p.stderr.theirs)
}

func (p *pipes) closeOurs() error {
	return closeAll(p.stdin.ours, p.stdout.ours, p.stderr.ours)
}

// closeAll forgives files that were never opened, or closed before.
func closeAll(files ...*os.File) error {
	var all error
	for _, file := range files {
		if file == nil {
			continue
		}
		if err := file.Close(); !errors.Is(err, os.ErrClosed) {
			all = errors.Join(all, err)
		}
	}
	return all
}
