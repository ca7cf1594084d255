package proc

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The test binary is its own child: this variable says what to be.
const roleKey = "PROC_TEST_ROLE"

const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if role := os.Getenv(roleKey); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(m)
}

// play is what the child does.
func play(role string) int {
	say := bufio.NewWriter(os.Stdout)
	switch role {
	case "tell":
		wd, _ := os.Getwd()
		fmt.Fprintf(say, "args=%q wd=%s env=%q\n", os.Args, wd, os.Environ())
		say.Flush()
		return 7
	case "wait":
		fmt.Fprintln(say, "ready")
		say.Flush()
		stay()
	case "family": // a child in the same group, which holds our pipes
		child := exec.Command("/proc/self/exe")
		child.Env = []string{roleKey + "=wait"}
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			return 1
		}
		fmt.Fprintln(say, child.Process.Pid)
		say.Flush()
		stay()
	case firstRole:
		return playFirst(say)
	case "host": // a host that starts a child and is then killed
		process, out, err := start(context.Background(), os.Getenv("PROC_TEST_BINARY"), "wait")
		if err == nil {
			_, err = bufio.NewReader(out).ReadString('\n') // after this it writes nothing and no broken pipe ends it
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Fprintln(say, process.PID())
		say.Flush()
		stay()
	}
	return 99
}

// stay never returns. Go would end a process in which everybody waits for a channel.
func stay() {
	for {
		_ = unix.Pause()
	}
}

// start runs the binary at path in a role and returns its standard output.
func start(ctx context.Context, path, role string) (*Process, *os.File, error) {
	binary, err := Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	defer binary.Close()
	return startBinary(ctx, binary, role)
}

func startBinary(ctx context.Context, binary *Binary, role string) (*Process, *os.File, error) {
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	process, err := binary.Start(ctx, Spec{
		Args: []string{"/opt/connector"}, Dir: os.TempDir(), Env: []string{roleKey + "=" + role},
		Stdin: null, Stdout: theirs, Stderr: os.Stderr,
	})
	if err != nil {
		out.Close()
		return nil, nil, err
	}
	return process, out, nil
}

// run is start for a test, which also ends the child.
func run(t *testing.T, role string) (*Process, *bufio.Reader) {
	t.Helper()
	process, out, err := start(t.Context(), self(t), role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.KillGroup()
		<-process.Exited()
		out.Close()
	})
	if err := out.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return process, bufio.NewReader(out)
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func line(t *testing.T, out *bufio.Reader) string {
	t.Helper()
	text, err := out.ReadString('\n')
	if err != nil {
		t.Fatalf("reading a line: %v", err)
	}
	return strings.TrimSpace(text)
}

func exited(t *testing.T, process *Process) *os.ProcessState {
	t.Helper()
	select {
	case <-process.Exited():
	case <-time.After(patience):
		t.Fatalf("process %d did not exit", process.PID())
	}
	state, err := process.State()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// eventuallyDead waits until pid is no process, or only the remains of one.
func eventuallyDead(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest, "Z") {
			return
		}
	}
	t.Fatalf("process %d is still alive", pid)
}

func TestDigestIsThatOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	content := []byte(strings.Repeat("bytes of a program\n", 100_000))
	if err := os.WriteFile(path, content, 0o700); err != nil {
		t.Fatal(err)
	}
	binary, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	sum := sha256.Sum256(content)
	if want := hex.EncodeToString(sum[:]); binary.Digest() != want {
		t.Errorf("digest %s, want %s", binary.Digest(), want)
	}
}

func TestOpenRefusesWhatItCannotRun(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o700); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		path string
		want string
	}{
		"nothing there":         {t.Context(), filepath.Join(dir, "none"), "no such file"},
		"a directory":           {t.Context(), dir, "not a regular file"},
		"a pipe nobody feeds":   {t.Context(), fifo, "not a regular file"},
		"a script":              {t.Context(), script, "a script cannot be run"},
		"an empty file":         {t.Context(), empty(t, dir), "reading its first bytes"},
		"a caller that gave up": {canceled, self(t), "context canceled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(tt.ctx, tt.path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want it to say %q", err, tt.want)
			}
		})
	}
}

func empty(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "empty")
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChildInheritsNothing(t *testing.T) {
	t.Setenv("HOST_SECRET", "hunter2")
	process, out := run(t, "tell")
	told := line(t, out)
	want := fmt.Sprintf("args=%q wd=%s env=%q", []string{"/opt/connector"}, os.TempDir(), []string{roleKey + "=tell"})
	if told != want {
		t.Errorf("the child says\n%s, want\n%s", told, want)
	}
	if code := exited(t, process).ExitCode(); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
}

func TestNoEnvironmentIsEmpty(t *testing.T) {
	path, err := exec.LookPath("env")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	out, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	process, err := binary.Start(t.Context(), Spec{Args: []string{"env"}, Stdout: theirs, Stderr: theirs, Stdin: theirs})
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	printed, err := io.ReadAll(out)
	if err != nil || len(printed) > 0 {
		t.Errorf("env prints %q, %v, want nothing", printed, err)
	}
	exited(t, process)
}

func TestReplacedFileDoesNotMatter(t *testing.T) {
	path := copyOfSelf(t)
	binary, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	other := path + ".new"
	if err := os.WriteFile(other, []byte("not a program at all"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	process, out, err := startBinary(t.Context(), binary, "tell")
	if err != nil {
		t.Fatalf("the file that was hashed does not run: %v", err)
	}
	defer out.Close()
	if code := exited(t, process).ExitCode(); code != 7 {
		t.Errorf("exit code %d, want 7 of the file that was hashed", code)
	}
}

func TestEditedFileIsRefused(t *testing.T) {
	path := copyOfSelf(t)
	binary, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		at   int64
		what string
	}{
		"in place": {info.Size() - 8, "patched!"},
		"appended": {info.Size(), "appended"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			edit, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := edit.WriteAt([]byte(tt.what), tt.at); err != nil {
				t.Fatal(err)
			}
			if err := edit.Close(); err != nil {
				t.Fatal(err)
			}
			if _, _, err := startBinary(t.Context(), binary, "wait"); !errors.Is(err, ErrChanged) {
				t.Errorf("error %v, want %v", err, ErrChanged)
			}
		})
	}
}

func TestBusyFile(t *testing.T) {
	path := copyOfSelf(t)
	binary, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	writer, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("for good", func(t *testing.T) {
		if _, _, err := startBinary(t.Context(), binary, "tell"); !errors.Is(err, syscall.ETXTBSY) {
			t.Errorf("error %v, want %v", err, syscall.ETXTBSY)
		}
	})
	t.Run("for a moment", func(t *testing.T) {
		time.AfterFunc(10*time.Millisecond, func() { writer.Close() })
		process, out, err := startBinary(t.Context(), binary, "tell")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		exited(t, process)
	})
}

func copyOfSelf(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	from, err := os.Open(self(t))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProgramThatTheSystemRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("\x7fELF nonsense"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, _, err := start(t.Context(), path, "tell")
	if !errors.Is(err, syscall.ENOEXEC) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want %v naming %s", err, syscall.ENOEXEC, path)
	}
}

func TestKillingTheGroupLeavesNobody(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		t.Run(fmt.Sprintf("stopped %v", stopped), func(t *testing.T) {
			process, out := run(t, "family")
			// One names its child, the child says that it is ready: in either order.
			said := []string{line(t, out), line(t, out)}
			child, err := strconv.Atoi(said[0])
			if err != nil {
				child, err = strconv.Atoi(said[1])
			}
			if err != nil {
				t.Fatal(err)
			}
			if stopped {
				if err := syscall.Kill(process.PID(), syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			if err := process.KillGroup(); err != nil {
				t.Fatal(err)
			}
			exited(t, process)
			eventuallyDead(t, child)
		})
	}
}

func TestGroupDiesWithItsLeader(t *testing.T) {
	process, out := run(t, "family")
	child, err := strconv.Atoi(line(t, out))
	if err != nil {
		t.Fatal(err)
	}
	line(t, out)
	if err := syscall.Kill(process.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	exited(t, process)
	eventuallyDead(t, child)
}

func TestSignalsAfterDeathReachNobody(t *testing.T) {
	process, _ := run(t, "tell")
	exited(t, process)
	if err := errors.Join(process.Terminate(), process.KillGroup()); err != nil {
		t.Errorf("signals after death: %v", err)
	}
}

func TestTerminate(t *testing.T) {
	process, out := run(t, "wait")
	line(t, out)
	if err := process.Terminate(); err != nil {
		t.Fatal(err)
	}
	status := exited(t, process).Sys().(syscall.WaitStatus)
	if status.Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v, want %v", status.Signal(), syscall.SIGTERM)
	}
}

func TestChildDiesWithItsHost(t *testing.T) {
	host := exec.CommandContext(t.Context(), self(t))
	host.Env = append(os.Environ(), roleKey+"=host", "PROC_TEST_BINARY="+self(t))
	host.Stderr = os.Stderr
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(line(t, bufio.NewReader(stdout)))
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	host.Wait()
	eventuallyDead(t, child)
}

func TestChildOutlivesOtherThreads(t *testing.T) {
	process, out := run(t, "wait")
	line(t, out)
	for range 20 {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			runtime.LockOSThread() // the thread ends with the goroutine
		}()
		<-ended
	}
	select {
	case <-process.Exited():
		t.Error("the child died with a thread that is not its parent")
	default:
	}
}
