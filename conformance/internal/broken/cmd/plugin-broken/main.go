// Plugin-broken is the reference connector as a process that does one thing wrong: that of
// the mutant that is named behind its own last byte, as "mutant:NAME". Without a name it
// does nothing wrong. One build makes every mutant, each with a digest of its own.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/connectorhost/connectorhost/conformance/internal/broken/all"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/process"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/secrets"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

func main() {
	name, err := process.NameOf("/proc/self/exe")
	if err != nil {
		fmt.Fprintln(os.Stderr, "plugin-broken:", err)
		os.Exit(1)
	}
	if wrong, ok := before()[name]; ok {
		wrong()
	}
	serve.Connector(made(name))
}

// made is the connector of the mutant. What a host sees wrong of it is the suite's to add.
func made(name string) sdk.Connector {
	for _, m := range all.Mutants() {
		if m.ID == name && (m.Transport != nil || m.Connector != nil) {
			return m.Make(reference.Network(serve.Dial))
		}
	}
	return &connector{Connector: reference.New(reference.Options{Dial: serve.Dial}), name: name}
}

// started reports whether a host started the process.
func started() bool { return os.Getenv("CONNECTOR_PLUGIN") != "" }

// before is what mutants do before they serve, or instead.
func before() map[string]func() {
	return map[string]func(){
		process.WrongCookie: func() {
			if !started() {
				fmt.Fprintln(os.Stdout, "usage: plugin-broken")
				os.Exit(0)
			}
		},
		process.OtherVersion: func() {
			if !started() {
				fmt.Fprintln(os.Stderr, "reference 9.9.9")
				os.Exit(2)
			}
		},
		process.StdoutNoise: func() {
			if started() {
				fmt.Fprintln(os.Stdout, "Reference connector, at your service")
			}
		},
		process.ProtoMismatch: func() { handshake("7") },
		process.ProtoParrot: func() {
			if offered := os.Getenv("PLUGIN_PROTOCOL_VERSIONS"); offered != "1" && started() {
				handshake(offered)
			}
		},
		process.NoCertificate: func() {
			if started() && os.Getenv("PLUGIN_CLIENT_CERT") == "" {
				handshake("1")
			}
		},
		process.HostDeaf: func() {
			if err := os.Unsetenv("CONNECTOR_LIFELINE"); err != nil {
				os.Exit(1)
			}
		},
		process.GhostChild: func() {
			child := exec.Command("/bin/sleep", "120") //nolint:noctx // that nobody ends it is the fault
			child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			_ = child.Start() // walls may forbid it
		},
		process.Litter: func() {
			if home := os.Getenv("HOME"); home != "" {
				_ = os.WriteFile(filepath.Join(home, "state.json"), []byte(`{}`), 0o600) // walls may forbid it
			}
		},
		process.CallsAtLoad: func() { call("updates.example:443") },
		process.StopHard:    stopHard,
		process.StopCode:    wrapped,
		process.OnlyOne:     onlyOne,
		process.Chatty:      func() { relay(func(line string) string { return line + "listening\n" }) },
		process.OpenDoor:    openDoor,
		secrets.KeyInArgv:   child,
	}
}

// handshake says that it listens where it does not, and waits for the end.
func handshake(version string) {
	if !started() {
		return
	}
	socket := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "plugin-broken")
	fmt.Fprintf(os.Stdout, "1|%s|unix|%s|grpc|\n", version, socket)
	var b [1]byte
	_, _ = os.Stdin.Read(b[:]) // returns when the host closes it
	os.Exit(0)
}

// call connects to somebody through the host's gate.
func call(address string) {
	if !started() {
		return
	}
	conn, err := serve.Dial(context.Background(), "tcp", address)
	if err == nil {
		_ = conn.Close() // that it was made is the fault
	}
}

// stopHard ends at once when it is asked to end.
func stopHard() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		os.Exit(0)
	}()
}

// wrapped has this program run again below this process, as a script does that starts the
// real one, and ends with a failure however that ended.
func wrapped() {
	const within = "PLUGIN_BROKEN_WITHIN"
	if !started() || os.Getenv(within) != "" {
		return
	}
	runtime.LockOSThread()                  // whose end is the inner one's too
	inner := exec.Command("/proc/self/exe") //nolint:noctx // it ends with this process
	inner.Env = append(os.Environ(), within+"=1")
	inner.Stdin, inner.Stdout, inner.Stderr = os.Stdin, os.Stdout, os.Stderr
	inner.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	if err := inner.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "plugin-broken:", err)
		os.Exit(1)
	}
	go func() {
		_ = inner.Process.Signal(<-asked) // an error says that it has ended
	}()
	_ = inner.Wait() // how it ended is what is lost
	os.Exit(3)
}

// onlyOne ends where another process of the program holds the lock of its file.
func onlyOne() {
	if !started() {
		return
	}
	lock, err := syscall.Open("/proc/self/exe", syscall.O_RDONLY|syscall.O_CLOEXEC, 0) // and never closed
	if err == nil {
		err = syscall.Flock(lock, syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "plugin-broken: another one is running:", err)
		os.Exit(1)
	}
}

// A connector is the reference connector with what a mutant does in its calls.
type connector struct {
	*reference.Connector
	name string
}

// Authorize implements [sdk.Authorizer].
func (c *connector) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	switch c.name {
	case process.PhonesHome:
		call("telemetry.example:443")
	case process.NoisyOutput:
		fmt.Fprintln(os.Stdout, "authorizing", strings.ToLower(req.Method))
	}
	leak(c.name, req)
	return c.Connector.Authorize(ctx, req)
}

// FindPayment implements [sdk.PaymentFinder].
func (c *connector) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	if c.name == process.FileLeak {
		process.LeakFile()
	}
	return c.Connector.FindPayment(ctx, req)
}
