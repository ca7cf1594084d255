//go:build !race

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// byHand starts a connector as its author does under a debugger, and waits until it has
// said where it is.
func byHand(t *testing.T, program, file string) (cmd *exec.Cmd, said *journal) {
	t.Helper()
	said = &journal{}
	cmd = exec.Command(filepath.Join(programs, program))
	cmd.Env = append(os.Environ(), "CONNECTOR_ATTACH="+file)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			// In order, so that it leaves no socket.
			if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
				t.Errorf("ending the connector: %v", err)
			}
		}
	})
	eventually(t, storyPatience, "the connector says where it is", func() error {
		var told struct {
			PID int `json:"pid"`
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &told); err != nil || told.PID != cmd.Process.Pid {
			return fmt.Errorf("%s: %w", raw, err)
		}
		return nil
	})
	return cmd, said
}

// kill ends it as a debugger does.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

// serves waits until the connector serves with that process.
func (r *running) serves(t *testing.T, connector string, pid int) {
	t.Helper()
	eventually(t, storyPatience, connector+" serves", func() error {
		if state, is := r.connector(t, connector); state != "serving" || is != pid {
			return fmt.Errorf("it is %s with process %d, want %d", state, is, pid)
		}
		return nil
	})
}

func TestAttachedConnectorTakesPayments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "attach.json")
	r, ready := beginDev(t, t.TempDir(), "--attach", file)
	r.says(t, 1, "^connectord: waiting for a connector to debug; start it with$")
	mine, said := byHand(t, "plugin-smartpay", file)
	r.complete(t, ready)
	r.serves(t, "smartpay", mine.Process.Pid)
	r.says(t, 1, "^connectord: attached to smartpay for debugging: no TLS, no confinement")
	if !strings.Contains(said.String(), "FOR DEBUGGING ONLY") {
		t.Errorf("the connector does not warn: %s", said)
	}
	if err := r.whole(t.Context(), examplePayment(shop)); err != nil {
		t.Error(err)
	}
	// More often than a connector may crash.
	for range 7 {
		kill(t, mine)
		mine, _ = byHand(t, "plugin-smartpay", file)
		r.serves(t, "smartpay", mine.Process.Pid)
		if err := r.whole(t.Context(), examplePayment(shop)); err != nil {
			t.Error(err)
		}
	}
	r.end(t, syscall.SIGTERM)
	if !proctest.Runs(mine.Process.Pid) {
		t.Error("the host has ended a process that it did not start")
	}
}

func TestAttachedConnectorMayBecomeAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "attach.json")
	mine, _ := byHand(t, "plugin-smartpay", file)
	r := startDev(t, t.TempDir(), "--attach", file)
	r.serves(t, "smartpay", mine.Process.Pid)
	kill(t, mine)
	mine, _ = byHand(t, "plugin-reference", file)
	r.serves(t, "reference", mine.Process.Pid)
	r.says(t, 1, "^connectord: attached to reference")
	kill(t, mine)
	mine, _ = byHand(t, "plugin-reference", file)
	r.serves(t, "reference", mine.Process.Pid)
}

// What was attached to is gone with the next run, which runs what is installed.
func TestAttachedConnectorIsNotForTheNextRun(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "attach.json")
	startDev(t, dir).end(t, syscall.SIGTERM)
	mine, _ := byHand(t, "plugin-smartpay", file)
	r := startDev(t, dir, "--attach", file)
	r.serves(t, "smartpay", mine.Process.Pid)
	if pids := children(t, r.cmd.Process.Pid); len(pids) != 1 {
		t.Errorf("%d processes run, want the sandbox alone", len(pids))
	}
	r.end(t, syscall.SIGTERM)
	again := startDev(t, dir)
	if state, pid := again.connector(t, "smartpay"); state != "serving" || pid == mine.Process.Pid {
		t.Errorf("it is %s with process %d", state, pid)
	}
	if log := again.log.String(); strings.Contains(log, "does not serve") {
		t.Errorf("the next run stumbles: %s", log)
	}
	if err := again.whole(t.Context(), examplePayment(shop)); err != nil {
		t.Error(err)
	}
}

func TestAttachIsForDevelopmentOnly(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "serve.yaml")
	if err := os.WriteFile(settings, []byte("serve:\n  attach: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plugin := filepath.Join(programs, "plugin-smartpay")
	dev := func(flags ...string) []string {
		return append([]string{
			"dev", "--attach", "x", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(),
			"--sandbox", filepath.Join(programs, "smartpay-sandbox"),
		}, flags...)
	}
	tests := map[string]struct {
		args []string
		exit int
		says string
	}{
		"not in serve":              {[]string{"serve", "--attach", "x"}, exitUsage, "unknown flag --attach"},
		"not in a file for serve":   {[]string{"serve", "--config", settings}, exitUsage, "there is no setting serve.attach"},
		"watching neither in serve": {[]string{"serve", "--watch"}, exitUsage, "unknown flag --watch"},
		"not beside a binary":       {[]string{"dev", "--attach", "x", "--plugin", plugin}, exitUsage, "can't be used together"},
		"nothing to watch":          {[]string{"dev", "--attach", "x", "--watch"}, exitUsage, "can't be used together"},
		"not with real money":       {dev("--environment", "live"), exitFailed, "attach is for debugging, environment must be test"},
		"not where walls must be":   {dev("--isolation", "required"), exitFailed, "attach is without isolation"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), storyPatience)
			defer cancel()
			if code := run(ctx, tt.args, &out, &errs); code != tt.exit || !strings.Contains(errs.String(), tt.says) {
				t.Errorf("exit %d, %q; want %d, %q", code, errs.String(), tt.exit, tt.says)
			}
		})
	}
}
