package serve

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// byHand runs this program as a person does who wants to debug it, until it ends.
func byHand(t *testing.T, role, file string) (code int, said string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{roleKey + "=" + role, link.AttachKey + "=" + file, "TMPDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestAttachRefusesToServe(t *testing.T) {
	tests := map[string]struct {
		role, before, says string
	}{
		"what is no connector":         {"nil", "", "serving for CONNECTOR_ATTACH="},
		"under a file of another kind": {"connector", "precious", "it is not ours"},
		"under JSON of another kind":   {"connector", `{"precious":true}`, "it is not ours"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "attach.json")
			if tt.before != "" {
				if err := os.WriteFile(file, []byte(tt.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if code, said := byHand(t, tt.role, file); code != 1 || !strings.Contains(said, tt.says) {
				t.Errorf("exit %d, %q; want 1, %q", code, said, tt.says)
			}
			after, err := os.ReadFile(file)
			if string(after) != tt.before || (err != nil) != (tt.before == "") {
				t.Errorf("the file is %q, %v", after, err)
			}
		})
	}
}

// serving serves in this process, and returns what ends it and waits.
func serving(t *testing.T, file string, out *bytes.Buffer) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveAttached(ctx, newServer(steady{}), file, out) }()
	for {
		if _, err := os.Stat(file); err == nil {
			break
		}
		select {
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		default:
		}
	}
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAttachWarnsAndCleansUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "attach.json")
	t.Setenv("TMPDIR", shortDir(t))
	var out bytes.Buffer
	end := serving(t, file, &out)
	end()
	for _, want := range []string{"FOR DEBUGGING ONLY", "without TLS", "connectord dev --attach " + file} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("says %q, want %q", out.String(), want)
		}
	}
	left, err := os.ReadDir(os.TempDir())
	if _, fileErr := os.Stat(file); err != nil || len(left) > 0 || !errors.Is(fileErr, os.ErrNotExist) {
		t.Errorf("left %v, %v, %v", left, err, fileErr)
	}
}

// A file that another process has put there meanwhile is that process's.
func TestAttachRemovesItsOwnFileOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "attach.json")
	t.Setenv("TMPDIR", shortDir(t))
	end := serving(t, file, &bytes.Buffer{})
	other := link.Attachment{PID: 1, Socket: "/elsewhere/s", Contract: 1}
	if err := writeAttachment(file, other); err != nil {
		t.Fatal(err)
	}
	end()
	if now, err := readAttachment(file); err != nil || now != other {
		t.Errorf("the other's file is %+v, %v", now, err)
	}
}

// What a killed process left is removed, and nothing that cannot be one's.
func TestAttachClearsWhatIsSurelyLeftOver(t *testing.T) {
	for name, goes := range map[string]bool{attachDir + "123": true, "home": false} {
		base := t.TempDir()
		dir, file := filepath.Join(base, name), filepath.Join(base, "attach.json")
		socket := filepath.Join(dir, "s")
		err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(socket, nil, 0o600),
			writeAttachment(file, link.Attachment{PID: 1, Socket: socket, Contract: 1}),
			clearAttachment(t.Context(), file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(socket); errors.Is(err, os.ErrNotExist) != goes {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the file is still there: %v", name, err)
		}
	}
}

func TestByHandItNamesTheWayToDebug(t *testing.T) {
	code, said := byHand(t, "connector", "")
	if code != 2 || !strings.Contains(said, "CONNECTOR_ATTACH=FILE dlv exec") || !strings.Contains(said, "connectord dev --attach FILE") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// shortDir is short enough for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sa") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
