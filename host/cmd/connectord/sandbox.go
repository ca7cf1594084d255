package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	sandboxStart = 10 * time.Second
	sandboxStop  = 3 * time.Second
)

// sandbox is the stand-in Smartpay, running as a child.
type sandbox struct {
	URL   string
	cmd   *exec.Cmd
	ended <-chan error
}

// startSandbox starts the program and waits until it says where it listens.
func startSandbox(ctx context.Context, program, listen, dir string, log io.Writer) (*sandbox, error) {
	readyFile := filepath.Join(dir, "sandbox.ready")
	if err := os.Remove(readyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	args := []string{"--listen", listen, "--ready-file", readyFile, "--state", filepath.Join(dir, "sandbox.state")}
	cmd := exec.Command(program, args...) //nolint:noctx // it outlives the call; stop ends it
	cmd.Stderr = log
	ended, err := startTied(cmd)
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w (run make build first)", err)
	}
	s := &sandbox{cmd: cmd, ended: ended}
	if s.URL, err = s.awaitReady(ctx, readyFile); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// awaitReady polls for the file: it is written by another process.
func (s *sandbox) awaitReady(ctx context.Context, file string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, sandboxStart)
	defer cancel()
	for {
		if raw, err := os.ReadFile(file); err == nil {
			var told struct {
				URL string `json:"url"`
			}
			if err := json.Unmarshal(raw, &told); err != nil {
				return "", fmt.Errorf("reading the sandbox's ready file: %w", err)
			}
			return told.URL, nil
		}
		select {
		case err := <-s.ended:
			return "", fmt.Errorf("the sandbox ended before it was ready: %w", errors.Join(err, errEnded))
		case <-ctx.Done():
			return "", fmt.Errorf("the sandbox was not ready within %s", sandboxStart)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var errEnded = errors.New("see its messages above")

// stop ends the child, politely first.
func (s *sandbox) stop() error {
	if s.cmd.Process == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return nil //nolint:nilerr // it has ended already
	}
	select {
	case err := <-s.ended:
		return unlessStatus(err)
	case <-time.After(sandboxStop):
	}
	if err := s.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("ending the sandbox: %w", err)
	}
	return unlessStatus(<-s.ended)
}

// unlessStatus passes over how a child ended: that it was told to is known.
func unlessStatus(err error) error {
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil
	}
	return err
}
