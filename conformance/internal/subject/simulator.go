package subject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
)

// A Simulator is a provider's stand-in that was started for a run.
type Simulator struct {
	Client *sim.Client
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has ended
	dir    string
	last   *tail
}

const (
	simStart = 20 * time.Second
	simStop  = 5 * time.Second
	simPoll  = 5 * time.Millisecond
)

// StartSimulator starts the program and greets it. A program that is a bare name is
// looked for in the given folders and then in PATH. The caller closes the Simulator.
func StartSimulator(ctx context.Context, s suite.Simulator, folders ...string) (_ *Simulator, err error) {
	path, err := find(s.Program, folders)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "conform-sim-")
	if err != nil {
		return nil, err
	}
	ready := filepath.Join(dir, "ready.json")
	x := &Simulator{dir: dir, ended: make(chan struct{}), last: &tail{}}
	x.cmd = exec.Command(path, append(append([]string(nil), s.Args...), "--ready-file", ready)...) //nolint:gosec,noctx // the author's own program, ended by Close
	x.cmd.Dir, x.cmd.Stdout, x.cmd.Stderr = dir, x.last, x.last
	if err := x.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the simulator: %w", err), os.RemoveAll(dir))
	}
	go func() {
		_ = x.cmd.Wait() // how it ended does not matter once it has
		close(x.ended)
	}()
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("the simulator %s: %w", path, err), x.Close())
		}
	}()
	base, err := x.await(ctx, ready)
	if err != nil {
		return nil, err
	}
	x.Client, err = sim.Dial(ctx, base)
	return x, err
}

// find looks a program up as a path, in folders, and in PATH.
func find(program string, folders []string) (string, error) {
	if strings.ContainsRune(program, os.PathSeparator) {
		return filepath.Abs(program)
	}
	for _, folder := range folders {
		path, err := filepath.Abs(filepath.Join(folder, program))
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("the simulator %s is neither in %s nor in PATH", program, strings.Join(folders, ", "))
	}
	return path, nil
}

// await waits until the simulator says where it answers.
func (x *Simulator) await(ctx context.Context, ready string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, simStart)
	defer cancel()
	poll := time.NewTicker(simPoll)
	defer poll.Stop()
	for {
		var told struct {
			URL string `json:"sim_url"`
		}
		raw, err := os.ReadFile(ready)
		if err == nil && json.Unmarshal(raw, &told) == nil {
			if told.URL == "" {
				return "", fmt.Errorf("its ready file has no sim_url: it does not speak %s", sim.Protocol)
			}
			return told.URL, nil
		}
		select {
		case <-poll.C:
		case <-x.ended:
			return "", fmt.Errorf("it ended before it was ready: %s", x.last)
		case <-ctx.Done():
			return "", fmt.Errorf("it was not ready within %s: %s", simStart, x.last)
		}
	}
}

// Close ends the simulator and waits until it is gone.
func (x *Simulator) Close() error {
	if err := x.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	bound := time.NewTimer(simStop)
	defer bound.Stop()
	select {
	case <-x.ended:
	case <-bound.C:
		if err := x.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		<-x.ended
	}
	return os.RemoveAll(x.dir)
}

// A tail keeps the end of what was written. It belongs to the goroutine that copies a
// process's output until that has ended.
type tail struct{ text bytes.Buffer }

const maxTail = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	n, err := t.text.Write(b)
	if over := t.text.Len() - maxTail; over > 0 {
		t.text.Next(over)
	}
	return n, err
}

func (t *tail) String() string {
	text, err := io.ReadAll(bytes.NewReader(t.text.Bytes()))
	if err != nil || len(text) == 0 {
		return "it said nothing"
	}
	return "it said: " + strings.TrimSpace(string(text))
}
