package launch

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// byHand starts the connector as a person does, and waits until file says where it is.
func byHand(t *testing.T, file, temp string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(selfPath(t))
	cmd.Env = []string{roleKey + "=connector", link.AttachKey + "=" + file, "TMPDIR=" + temp}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()
		}
	})
	eventually(t, "the connector says where it listens", func() bool {
		var told link.Attachment
		raw, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(raw, &told) == nil && told.PID == cmd.Process.Pid
	})
	return cmd
}

// shortDir is short enough for sockets. What killed processes leave in it is its end's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "la") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func attach(t *testing.T, file string) *Attached {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, err := Attach(ctx, AttachConfig{File: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Errorf("disconnecting: %v", err)
		}
	})
	return a
}

func voidAttached(ctx context.Context, a *Attached, command string) (sdk.VoidResult, error) {
	return a.Void(ctx, sdk.VoidRequest{
		Call: sdk.Call{
			OperationID: "op1", Key: "key1", Attempt: 1, Reference: "R1",
			Account: sdk.Account{ID: "ps-1", Revision: 1, Mode: sdk.ModeTest},
		},
		Order: sdk.OrderRef(command),
	})
}

func ended(t *testing.T, a *Attached) Exit {
	t.Helper()
	select {
	case <-a.Done():
	case <-time.After(patience):
		t.Fatal("the end was not noticed")
	}
	return a.Exit()
}

// leftIn lists what is in a directory.
func leftIn(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAttachCallsAndLeavesTheProcessAlone(t *testing.T) {
	file, temp := filepath.Join(t.TempDir(), "attach.json"), shortDir(t)
	cmd := byHand(t, file, temp)
	for range 2 {
		a := attach(t, file)
		if name := a.Description().Manifest.Name; name != "stage" || a.PID() != cmd.Process.Pid {
			t.Errorf("attached to %s, process %d, want stage, %d", name, a.PID(), cmd.Process.Pid)
		}
		if _, err := voidAttached(t.Context(), a, "ok"); err != nil {
			t.Errorf("calling: %v", err)
		}
		if layers := a.Layers(); len(layers) == 0 || slices.ContainsFunc(layers, func(l Layer) bool { return l.Held }) {
			t.Errorf("claims %v", layers)
		}
		if err := errors.Join(a.Stop(t.Context()), a.Stop(t.Context())); err != nil {
			t.Error(err)
		}
		if exit := ended(t, a); !exit.Stopped || exit.Err != nil {
			t.Errorf("ended with %+v", exit)
		}
		if _, err := voidAttached(t.Context(), a, "ok"); err == nil {
			t.Error("a call was answered after Stop")
		}
		if !alive(cmd.Process.Pid) {
			t.Fatal("Stop ended a process that it did not start")
		}
	}
}

func TestAttachedProcessEndsInOrder(t *testing.T) {
	file, temp := filepath.Join(t.TempDir(), "attach.json"), shortDir(t)
	cmd := byHand(t, file, temp)
	for path, want := range map[string]os.FileMode{file: 0o600, leftIn(t, temp)[0]: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %v", path, info.Mode(), err, want)
		}
	}
	a := attach(t, file)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit := ended(t, a); exit.Stopped || !strings.Contains(exit.String(), "has closed the connection or ended") {
		t.Errorf("ended with %v, %+v", exit, exit)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if left := append(leftIn(t, temp), leftIn(t, filepath.Dir(file))...); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

func TestAttachedProcessKilledAndStartedAgain(t *testing.T) {
	file, temp := filepath.Join(t.TempDir(), "attach.json"), shortDir(t)
	cmd := byHand(t, file, temp)
	a := attach(t, file)
	failed := make(chan error, 1)
	go func() {
		_, err := voidAttached(context.Background(), a, "exit")
		failed <- err
	}()
	if err := <-failed; sdk.OutcomeOf(sdk.Answer{}, err) != sdk.OutcomeUnknown {
		t.Errorf("a call under which it died has an outcome: %v", err)
	}
	if exit := ended(t, a); exit.Stopped || exit.Err == nil {
		t.Errorf("ended with %+v", exit)
	}
	_ = cmd.Wait() // it ended with 3
	if _, err := Attach(t.Context(), AttachConfig{File: file}); !errors.Is(err, ErrAbsent) {
		t.Errorf("attaching to what is gone: %v", err)
	}
	byHand(t, file, temp)
	if dirs := leftIn(t, temp); len(dirs) != 1 {
		t.Errorf("the sockets of dead processes pile up: %v", dirs)
	}
	if _, err := voidAttached(t.Context(), attach(t, file), "ok"); err != nil {
		t.Error(err)
	}
}

func TestBreakpointIsNotTakenForTheEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "attach.json")
	cmd := byHand(t, file, shortDir(t))
	a := attach(t, file)
	freeze(t, cmd.Process.Pid)
	answered := make(chan error, 1)
	go func() {
		_, err := voidAttached(context.Background(), a, "ok")
		answered <- err
	}()
	// Longer than it takes to look for the process.
	ctx, cancel := context.WithTimeout(t.Context(), pidEvery+pidEvery/2)
	defer cancel()
	if _, err := Attach(ctx, AttachConfig{File: file}); !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		t.Errorf("attaching to what stands still: %v", err)
	}
	select {
	case <-a.Done():
		t.Errorf("taken for ended: %v", a.Exit())
	case err := <-answered:
		t.Errorf("given up: %v", err)
	default:
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("after the breakpoint: %v", err)
	}
}

func TestOneConnectorServesUnderOneFile(t *testing.T) {
	file, temp := filepath.Join(t.TempDir(), "attach.json"), shortDir(t)
	first := byHand(t, file, temp)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	second := exec.CommandContext(ctx, selfPath(t))
	second.Env = first.Env
	out, err := second.CombinedOutput()
	if second.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "serves under that file already") {
		t.Errorf("%v: %s", err, out)
	}
	attach(t, file)
}

func TestAttachRefuses(t *testing.T) {
	open := t.TempDir() // 0755 or so
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	closed := shortDir(t)
	tests := map[string]struct {
		text   string
		mode   os.FileMode
		reason Reason
		says   string
		absent bool
	}{
		"no file":                 {reason: ReasonHandshake, says: "no such file", absent: true},
		"a file that others read": {`{"pid":1,"socket":"/x/y","contract":1}`, 0o644, ReasonHandshake, "only its owner", false},
		"no JSON":                 {`PID 1`, 0o600, ReasonHandshake, "reading where the connector listens", false},
		"another contract":        {`{"pid":1,"socket":"/x/y","contract":99}`, 0o600, ReasonContract, "contract version 99", false},
		"a path of nowhere":       {`{"pid":1,"socket":"x.sock","contract":1}`, 0o600, ReasonHandshake, "absolute path", false},
		"a directory for all":     {`{"pid":1,"socket":"` + open + `/s","contract":1}`, 0o600, ReasonHandshake, "only its owner can enter", false},
		"a directory that went":   {`{"pid":1,"socket":"` + closed + `/gone/s","contract":1}`, 0o600, ReasonHandshake, "", true},
		"a socket that went":      {`{"pid":1,"socket":"` + closed + `/s","contract":1}`, 0o600, ReasonHandshake, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "attach.json")
			if tt.text != "" {
				if err := errors.Join(os.WriteFile(file, []byte(tt.text), 0o600), os.Chmod(file, tt.mode)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Attach(t.Context(), AttachConfig{File: file})
			failed, ok := errors.AsType[*StartError](err)
			if !ok || failed.Reason != tt.reason || !strings.Contains(err.Error(), tt.says) || errors.Is(err, ErrAbsent) != tt.absent {
				t.Errorf("%v, want %s: %q, absent %v", err, tt.reason, tt.says, tt.absent)
			}
		})
	}
}

// Whoever answers without being a connector is let go.
func TestAttachToAStranger(t *testing.T) {
	dir := shortDir(t)
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	file := filepath.Join(t.TempDir(), "attach.json")
	if err := os.WriteFile(file, []byte(`{"pid":1,"socket":"`+dir+`/s","contract":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err = Attach(ctx, AttachConfig{File: file})
	if failed, ok := errors.AsType[*StartError](err); !ok || failed.Reason != ReasonDescribe {
		t.Errorf("%v, want it not described", err)
	}
}
