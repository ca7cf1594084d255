package launch

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
	"github.com/connectorhost/connectorhost/sdk/internal/wire"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

// The test binary is also every connector, good and bad, and a host to be killed:
// this variable says which.
const roleKey = "LAUNCH_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleKey); role != "" {
		play(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// play is the main of a child process.
func play(role string) {
	fake := "1|1|unix|" + os.Getenv(plugin.EnvUnixSocketDir) + "/plugin1|grpc|"
	switch role {
	case "connector":
		serve.Connector(&stage{})
	case "prisoner":
		serve.Connector(&prisoner{})
	case "unusable": // its manifest is refused
		serve.Connector(&stage{name: "No Name"})
	case "mute":
		servePlainly(plain{}, grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { select {} }))
	case "empty":
		servePlainly(plain{})
	case "stubborn": // hears nothing
		signal.Ignore(syscall.SIGTERM)
		servePlainly(plain{&stage{}})
		stay()
	case "hears the lifeline": // and nothing else
		signal.Ignore(syscall.SIGTERM)
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(5)
		}()
		servePlainly(plain{&stage{}})
		stay()
	case "host":
		playHost()
	case "silent":
		fmt.Fprintln(os.Stderr, "taking my time")
		stay()
	case "exits":
		fmt.Fprintln(os.Stderr, "no licence found")
		os.Exit(4)
	case "panics":
		panic("no configuration")
	case "greets":
		fmt.Println("Hello from a connector!")
		stay()
	case "closes its output":
		os.Stdout.Close()
		stay()
	case "never ends its line":
		for {
			fmt.Print(strings.Repeat("x", 1<<10))
		}
	case "speaks another contract":
		fmt.Println(strings.Replace(fake, "1|1|", "1|99|", 1) + "x")
		stay()
	case "listens on TCP":
		fmt.Println("1|1|tcp|127.0.0.1:1|grpc|x")
		stay()
	case "points elsewhere":
		fmt.Println("1|1|unix|/run/other.sock|grpc|x")
		stay()
	case "never opens its door":
		listenAndWait(strings.TrimSuffix(fake, "|"))
	case "has no certificate":
		fmt.Println(fake)
		stay()
	case "has a false certificate":
		fmt.Println(fake + base64.RawStdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 60)))
		stay()
	case "speaks net/rpc":
		fmt.Println(strings.Replace(fake, "grpc", "netrpc", 1) + "x")
		stay()
	}
	os.Exit(99)
}

// servePlainly serves as somebody would who does not use package serve.
func servePlainly(p plain, more ...grpc.ServerOption) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  link.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{sdk.ContractVersion: {link.Plugin: p}},
		GRPCServer:       func(options []grpc.ServerOption) *grpc.Server { return grpc.NewServer(append(options, more...)...) },
	})
}

// plain serves a connector, if there is one, and what go-plugin serves by itself.
type plain struct{ sdk.Connector }

func (plain) Server(*plugin.MuxBroker) (any, error) { return nil, errors.ErrUnsupported }

func (plain) Client(*plugin.MuxBroker, *rpc.Client) (any, error) { return nil, errors.ErrUnsupported }

func (p plain) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	if p.Connector == nil {
		return nil
	}
	return wire.Register(g, p.Connector)
}

func (plain) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.ErrUnsupported
}

// stay never returns. Go would end a process in which everybody waits for a channel.
func stay() {
	for {
		_ = unix.Pause()
	}
}

// listenAndWait shakes hands and takes connections, but never says a word on them, and
// a descendant out of reach keeps them open when this process is dead.
func listenAndWait(line string) {
	listener, err := net.Listen("unix", strings.Split(line, "|")[3])
	if err != nil {
		panic(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	fmt.Println(line + "|" + base64.RawStdEncoding.EncodeToString(der))
	if _, err := listener.Accept(); err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stderr, "runaway "+startChild(&syscall.SysProcAttr{Setsid: true}))
	stay()
}

// childEnv is what a child needs to play role. The race detector would keep every
// process for a second at its end.
func childEnv(role string) []string {
	return []string{roleKey + "=" + role, "GORACE=atexit_sleep_ms=0"}
}

func playHost() {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	p, err := Start(context.Background(), Config{
		Path: self, RuntimeDir: os.Getenv("LAUNCH_TEST_DIR"), Env: childEnv("connector"),
		StartTimeout: patience, DescribeTimeout: patience,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(p.PID())
	stay()
}

// A stage is a connector whose Void does what the order's name says.
type stage struct {
	name  string
	calls atomic.Int64
}

func (s *stage) Describe() sdk.Manifest {
	name := s.name
	if name == "" {
		name = "stage"
	}
	return sdk.Manifest{
		Name: name, Version: "1.2.3", DisplayName: "Stage", Contract: sdk.ContractRange{Min: 1, Max: 1},
		Idempotency: map[sdk.Operation]sdk.Idempotency{sdk.OpVoid: {Mode: sdk.IdempotencyNative}},
	}
}

func (s *stage) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	var said string
	command, argument, _ := strings.Cut(string(req.Order), " ")
	switch command {
	case "ok":
	case "hang":
		slog.InfoContext(ctx, "hanging")
		<-ctx.Done()
		return sdk.VoidResult{}, ctx.Err()
	case "exit":
		os.Exit(3)
	case "crash":
		go panic("the stage collapsed")
		select {}
	case "family":
		said = startChild(nil)
	case "runaway":
		said = startChild(&syscall.SysProcAttr{Setsid: true})
	case "environment":
		wd, _ := os.Getwd()
		for _, variable := range append(os.Environ(), "wd="+wd) {
			said += strconv.Quote(variable) + "\n"
		}
	case "log":
		log(ctx)
	case "leak":
		leak(ctx, req.Call)
	case "print":
		fmt.Println("printed to os.Stdout")
		fmt.Fprintln(os.Stderr, "printed to os.Stderr")
	case "spew":
		spew(argument)
	case "size":
		n, _ := strconv.Atoi(argument)
		said = strings.Repeat("x", n)
	}
	return sdk.VoidResult{Answer: sdk.Answer{
		Outcome:  sdk.OutcomeSucceeded,
		Provider: sdk.Provider{RequestID: strconv.FormatInt(s.calls.Add(1), 10), Message: said},
	}}, nil
}

// startChild starts a process that holds our pipes, our listening socket and our
// connections, and never ends.
func startChild(attr *syscall.SysProcAttr) string {
	child := exec.Command("/proc/self/exe")
	child.Env = childEnv("silent")
	out, errs := os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
	child.Stdout, child.Stderr, kept = out, errs, append(kept, out, errs)
	child.SysProcAttr = attr
	for fd := uintptr(3); fd < 64; fd++ {
		if to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil && strings.HasPrefix(to, "socket:") {
			child.ExtraFiles = append(child.ExtraFiles, os.NewFile(fd, "socket"))
		}
	}
	if err := child.Start(); err != nil {
		panic(err)
	}
	kept = append(kept, child.ExtraFiles...)
	return strconv.Itoa(child.Process.Pid)
}

// kept keeps the collector from closing descriptors that are not ours.
var kept []*os.File

func log(ctx context.Context) {
	slog.DebugContext(ctx, "at debug")
	slog.InfoContext(ctx, "at info", "amount", 500, slog.Group("http", "status", 201))
	slog.WarnContext(ctx, "at warn")
	slog.With("part", "x").ErrorContext(ctx, "at error", "error", errors.New("why"))
	slog.Info("without a call")
}

// leak is careless in every way.
func leak(ctx context.Context, call sdk.Call) {
	wrapped := call.Account.Secrets["secret_key"]
	secret := wrapped.Reveal()
	slog.InfoContext(ctx, "the key is "+secret, "wrapped", wrapped, "bare", secret, "call", call)
	fmt.Fprintln(os.Stderr, "printed", secret)
	fmt.Println("printed", secret)
	raw(2, "raw "+secret+"\n")
	raw(1, "raw "+secret+"\n")
	slog.InfoContext(ctx, "leaked all")
}

// spew writes hostile output straight to the descriptors that the host reads.
func spew(what string) {
	switch what {
	case "number for a message":
		raw(2, `{"@message":1}`+"\n"+`{"@message":{}}`+"\n"+`{"level":1,"msg":[]}`+"\n")
	case "null for a level":
		raw(2, `{"@level":null}`+"\n"+`{"@level":"info","@message":"m","@timestamp":"yesterday"}`+"\n")
	case "lines of a megabyte":
		for range 4 {
			raw(2, strings.Repeat("m", 1<<20)+"\n")
		}
	case "no end of line":
		raw(2, strings.Repeat("n", 1<<20))
	case "binary":
		raw(2, strings.Repeat("\x00\xff\x1b[2J\r", 10_000)+"\n")
	case "standard output":
		raw(1, strings.Repeat("o", 300_000)+"\n"+strings.Repeat("p", 300_000)+"\n")
	case "flood":
		for range 500 {
			raw(2, strings.Repeat(`{"level":"ERROR","msg":"flood"}`+"\n", 500))
		}
	case "deep nesting":
		raw(2, `{"level":"INFO","msg":"m","attrs":`+strings.Repeat(`{"a":`, 2000)+"1"+strings.Repeat("}", 2001)+"\n")
	}
}

func raw(fd int, text string) {
	for rest := []byte(text); len(rest) > 0; {
		n, err := syscall.Write(fd, rest)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			panic(err)
		}
		rest = rest[max(n, 0):]
	}
}
