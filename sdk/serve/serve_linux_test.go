package serve

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// The test binary is also the connector: these variables say which, and where it
// leaves a mark.
const (
	roleKey = "SERVE_TEST_ROLE"
	markKey = "SERVE_TEST_MARK"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) {
	switch os.Getenv(roleKey) {
	case "":
		os.Exit(m.Run())
	case "connector":
		Connector(steady{})
	case "talker": // writes to standard error until it fails
		stderr := os.Stderr // which go-plugin replaces
		go func() {
			_, err := fmt.Fprintln(stderr, "anybody?")
			for err == nil {
				_, err = fmt.Fprintln(stderr, "anybody?")
			}
			os.WriteFile(os.Getenv(markKey), []byte(err.Error()), 0o600)
		}()
		Connector(steady{})
	case "nil":
		Connector(nil)
	case "parent": // starts a connector without a lifeline and waits to be killed
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), roleKey+"=connector")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			os.Exit(1)
		}
		fmt.Println(child.Process.Pid)
		for {
			_ = unix.Pause() // Go would end a process in which everybody waits for a channel
		}
	}
}

// certificate is what a host puts into the environment.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// socketDir is short enough for a socket.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sv") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// command is a connector as a host would start it.
func command(t *testing.T, role string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append([]string{
		roleKey + "=" + role, link.CookieKey + "=" + link.CookieValue, "PLUGIN_PROTOCOL_VERSIONS=1",
		link.ClientCertKey + "=" + certificate(t), "PLUGIN_UNIX_SOCKET_DIR=" + socketDir(t), "GORACE=atexit_sleep_ms=0",
	}, env...)
	return cmd
}

// shakeHands starts cmd and reads its handshake.
func shakeHands(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "1|1|unix|") {
		t.Fatalf("handshake %q, %v", line, err)
	}
}

// ends waits for cmd and returns its exit code, -1 for a signal.
func ends(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the process did not end")
	}
	return cmd.ProcessState.ExitCode()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func TestRunByHand(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{roleKey + "=connector"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 2 || stdout.Len() > 0 {
		t.Errorf("exit code %d with %q on standard output, want 2 and nothing", code, &stdout)
	}
	for _, want := range []string{"is a payment connector", "steady 1.2.3", "check_credentials", "conform run --plugin"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("it says\n%s\nwithout %q", &stderr, want)
		}
	}
}

func TestWhatCannotBeServed(t *testing.T) {
	tests := map[string]struct{ role, env, want string }{
		"a host without certificate": {"connector", link.ClientCertKey + "=", "must use AutoMTLS"},
		"no connector":               {"nil", "x=", "the value is nil"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, tt.role, tt.env)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != 1 || stdout.Len() > 0 {
				t.Errorf("exit code %d with %q on standard output, want 1 and nothing", code, &stdout)
			}
			if !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("it says %s, want %q", &stderr, tt.want)
			}
		})
	}
}

func TestEndOfTheLifelineEndsTheProcess(t *testing.T) {
	cmd := command(t, "connector", link.LifelineKey+"="+link.LifelineStdin)
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	shakeHands(t, cmd)
	if err := lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	if code := ends(t, cmd); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestStandardInputOfSomebodyElseIsLeftAlone(t *testing.T) {
	cmd := command(t, "connector")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd.Stdin = read
	if _, err := write.WriteString("not yours\n"); err != nil {
		t.Fatal(err)
	}
	write.Close()
	shakeHands(t, cmd)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := ends(t, cmd); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	left := make([]byte, 100)
	if n, err := read.Read(left); string(left[:n]) != "not yours\n" {
		t.Errorf("left on standard input: %q, %v", left[:n], err)
	}
}

func TestSIGTERMRemovesTheSocket(t *testing.T) {
	dir := socketDir(t)
	cmd := command(t, "connector", "PLUGIN_UNIX_SOCKET_DIR="+dir)
	shakeHands(t, cmd)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ends(t, cmd)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left in the socket directory: %v, %v", left, err)
	}
}

func TestLogThatNobodyReadsDoesNotKill(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	cmd := command(t, "talker", markKey+"="+mark)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = write
	shakeHands(t, cmd)
	write.Close()
	read.Close()
	eventually(t, "the process sees that it cannot write and lives on", func() bool {
		text, err := os.ReadFile(mark)
		return err == nil && strings.Contains(string(text), syscall.EPIPE.Error())
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := ends(t, cmd); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestOrphanEndsWithoutALifeline(t *testing.T) {
	parent := command(t, "parent")
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	said, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(said))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lines.ReadString('\n'); err != nil { // the handshake
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ends(t, parent)
	eventually(t, "the orphan ends", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		return err != nil || strings.Contains(string(stat), ") Z")
	})
}
