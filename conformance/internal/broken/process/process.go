// Package process holds the mutants of what a connector's process does wrong, and of
// what it should forget. Those of a process run as the program plugin-broken, which
// carries the name of its mutant behind its last byte.
package process

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// What plugin-broken does wrong.
const (
	WrongCookie   = "wrong-cookie"
	OtherVersion  = "version-drift"
	StdoutNoise   = "stdout-noise"
	ProtoMismatch = "proto-mismatch"
	ProtoParrot   = "proto-parrot"
	NoCertificate = "no-certificate"
	HostDeaf      = "host-deaf"
	GhostChild    = "ghost-child"
	Litter        = "litter"
	CallsAtLoad   = "calls-at-load"
	PhonesHome    = "phones-home"
	NoisyOutput   = "noisy-output"
	FileLeak      = "fd-leak"
	StopHard      = "stop-hard"
	StopCode      = "stop-code"
	OnlyOne       = "only-one"
	Chatty        = "chatty-start"
	OpenDoor      = "open-door"
)

const nameMark = "mutant:"

// Named is a program's text with the name of its mutant behind it.
func Named(program []byte, name string) []byte { return append(bytes.Clone(program), nameMark+name...) }

// maxName bounds what is looked at behind a program.
const maxName = 64

// NameOf reads the name behind a program, "" if there is none.
func NameOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	if _, err := file.Seek(-maxName, io.SeekEnd); err != nil {
		return "", err
	}
	tail, err := io.ReadAll(file)
	if err != nil {
		return "", err
	}
	if i := bytes.LastIndex(tail, []byte(nameMark)); i >= 0 {
		return string(tail[i+len(nameMark):]), nil
	}
	return "", nil
}

// mostLeaked keeps a leaking process alive: one that can open no file any more fails
// everything, which says nothing about who would have noticed.
const mostLeaked = 400

var leaked atomic.Int64

// LeakFile opens a file that nobody closes.
func LeakFile() {
	if leaked.Add(1) <= mostLeaked {
		_, _ = syscall.Open("/dev/null", syscall.O_RDONLY, 0) // that it fails is as well
	}
}

// Mutants lists the mutants.
func Mutants() []broken.Mutant { return append(inMemory(), processes()...) }

func processes() []broken.Mutant {
	mutant := func(name, fault, killer, reason string, collateral ...string) broken.Mutant {
		return broken.Mutant{ID: name, Fault: fault, Killer: killer, Reason: reason, Collateral: collateral, Process: name}
	}
	return []broken.Mutant{
		mutant(WrongCookie, "started by hand it prints how to use it and is content", "handshake/by-hand", "expected a failure, got exit code 0",
			"process/by-hand-says-what"),
		mutant(OtherVersion, "started by hand it says that it is another version", "process/by-hand-says-what", "expected it to say 0.1.0"),
		mutant(StdoutNoise, "prints a banner before its handshake", "process/start", "where the handshake should be"),
		mutant(ProtoMismatch, "speaks a contract version that was not offered", "process/start", "it speaks contract version 7"),
		mutant(ProtoParrot, "claims to speak whatever contract version it is offered", "handshake/foreign-version", "not to be spoken to in it"),
		mutant(NoCertificate, "listens without knowing who its host is", "handshake/certificate", "starting it without the host's certificate"),
		mutant(HostDeaf, "does not notice that its standard input has closed", "process/dies-with-host", "expected its end within 5s, got it runs on",
			"handshake/alone", "process/no-file-left"),
		mutant(GhostChild, "starts a program that outlives it", "process/no-child-left", "1 processes are left"),
		mutant(Litter, "keeps a file at home", "process/no-file-left", "state.json"),
		mutant(CallsAtLoad, "looks for updates when it is loaded", "process/no-network-at-load", "updates.example:443", "process/egress-declared"),
		mutant(PhonesHome, "tells somebody of each payment", "process/egress-declared", "telemetry.example:443"),
		mutant(NoisyOutput, "prints each payment", "process/output-quiet", "authorizing"),
		mutant(FileLeak, "opens a file for each lookup and never closes it", "process/resources", "more open files",
			"load/calls-leave-nothing"),
		mutant(Chatty, "prints a second line behind its handshake", "handshake/alone", "expected one line, got 2 lines",
			"process/output-quiet"),
		mutant(OpenDoor, "serves whoever finds its socket", "handshake/strangers", "being called by somebody with another certificate"),
		mutant(OnlyOne, "does not start while another process of it runs", "process/second", "starting another process",
			"manifest/stable", "handshake/alone", "handshake/strangers", "process/*", "doubt/connection-refused", "hooks/same-event",
			"keys/sent-by-another-process", "keys/answer-lost-to-another-process", "keys/same-request", "keys/registration-again",
			"resilience/killed-*", "resilience/restarted-between-steps", "resilience/two-processes", "resilience/walk",
			"secrets/not-logged", "secrets/buyer-not-logged", "secrets/not-in-*"),
		mutant(StopCode, "is started by a wrapper that keeps its exit code to itself", "process/stop", "expected exit code 0, got exit code 3",
			"process/stop-drains"),
		mutant(StopHard, "ends at once when it is asked to end", "process/stop-drains", "asking it to end while a payment is under way"),
	}
}

func inMemory() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "finds-its-own-only", Fault: "finds only the payments that it has begun itself",
			Killer: "process/remembers-nothing", Reason: "looking for the payment of a process that was killed",
			Connector: func(c *reference.Connector) sdk.Connector { return &remembering{Connector: c} },
			Collateral: []string{
				"resilience/restarted-between-steps", "lookup/not-there", "resilience/killed-after-the-provider",
				"resilience/killed-between-calls", "resilience/killed-while-looking",
			},
		},
		{
			ID: "not-the-same-twice", Fault: "counts its requests in a header",
			Killer: "process/same-in-same-out", Reason: "asking twice: expected the same header X-Request-Count",
			Transport: func(next http.RoundTripper) http.RoundTripper { return &counting{next: next} },
		},
	}
}

// A remembering connector looks payments up among those that it has begun.
type remembering struct {
	*reference.Connector
	begun sync.Map // reference -> true
}

// Authorize implements [sdk.Authorizer].
func (c *remembering) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	c.begun.Store(req.Call.Reference, true)
	return c.Connector.Authorize(ctx, req)
}

// FindPayment implements [sdk.PaymentFinder].
func (c *remembering) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	if _, known := c.begun.Load(req.Call.Reference); !known && req.Order == "" {
		return sdk.PaymentFinding{Authoritative: true}, nil
	}
	return c.Connector.FindPayment(ctx, req)
}

// counting numbers requests.
type counting struct {
	next http.RoundTripper
	n    atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (c *counting) RoundTrip(req *http.Request) (*http.Response, error) {
	numbered := req.Clone(req.Context())
	numbered.Header.Set("X-Request-Count", strconv.FormatInt(c.n.Add(1), 10))
	return c.next.RoundTrip(numbered)
}
