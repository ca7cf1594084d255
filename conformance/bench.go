package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// errSuite marks trouble that is the suite's own; errNoFixture marks a missing input.
var (
	errSuite     = errors.New("suite")
	errNoFixture = errors.New("fixtures")
)

// A Bench is what a case works on: a running connector, the fixtures, and a witness
// who stands where the provider would be.
type Bench struct {
	options Options
	binary  string // a private copy, so that what is tested cannot change under the test
	plugin  *launch.Plugin
	witness *witness
}

func newBench(ctx context.Context, o Options) (*Bench, error) {
	w, err := newWitness()
	if err != nil {
		return nil, errors.Join(errSuite, err)
	}
	b := &Bench{options: o, witness: w}
	if b.binary, err = privateCopy(o.Plugin); err != nil {
		return nil, errors.Join(errSuite, err, w.close())
	}
	if b.plugin, err = b.start(ctx); err != nil {
		return nil, errors.Join(err, w.close(), os.RemoveAll(b.binary))
	}
	return b, nil
}

// start starts another process of the connector under test.
func (b *Bench) start(ctx context.Context) (*launch.Plugin, error) {
	log := b.options.Log
	if log == nil {
		log = io.Discard
	}
	return launch.Start(ctx, launch.Config{
		Path:   b.binary,
		Logger: hclog.New(&hclog.LoggerOptions{Name: "connector", Output: log, Level: hclog.Debug}),
	})
}

func (b *Bench) close() error {
	return errors.Join(b.plugin.Stop(context.Background()), b.witness.close(), os.Remove(b.binary))
}

// account is the fixtures' account, with the witness in the provider's place.
func (b *Bench) account() sdk.Account {
	return b.options.Fixtures.account(b.plugin.Description().Manifest, b.witness.url())
}

func privateCopy(path string) (string, error) {
	from, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp("", "conform-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	err = errors.Join(err, to.Chmod(0o500), to.Close())
	return to.Name(), err
}

// A witness listens where the provider would and counts who comes. It takes what they
// send and hangs up without a word.
type witness struct {
	listener net.Listener
	visits   atomic.Int64
	done     sync.WaitGroup
}

func newWitness() (*witness, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local socket, bound at once
	if err != nil {
		return nil, err
	}
	w := &witness{listener: l}
	w.done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.visits.Add(1)
			w.done.Go(func() { listen(conn) })
		}
	})
	return w, nil
}

// listen takes a request in before it hangs up, so that it was sent beyond doubt.
func listen(conn net.Conn) {
	defer func() { _ = conn.Close() }() // it is being hung up either way
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return
	}
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body) // whether all of it came makes no difference
}

func (w *witness) url() string { return "http://" + w.listener.Addr().String() }

func (w *witness) reset() { w.visits.Store(0) }

func (w *witness) close() error {
	err := w.listener.Close()
	w.done.Wait()
	return err
}

// nothingSent fails if anybody came.
func (w *witness) nothingSent() error {
	if n := w.visits.Load(); n > 0 {
		return fmt.Errorf("the provider was called %d times, expected not at all", n)
	}
	return nil
}

// refused checks that err is a refusal with one of the wanted codes, that it says
// nothing was attempted, and that the provider was not called.
func (b *Bench) refused(err error, pointer string, want ...sdk.Code) error {
	switch {
	case err == nil:
		return errors.New("accepted, expected a refusal")
	case errors.Is(err, errNoFixture), errors.Is(err, errSuite):
		return err // the connector was never asked
	}
	e := sdk.AsError(err)
	matches := len(want) == 0
	for _, code := range want {
		matches = matches || e.Code == code
	}
	var wrong []error
	if !matches {
		wrong = append(wrong, fmt.Errorf("refused with %s, expected one of %v (%w)", e.Code, want, err))
	}
	if e.Outcome() != sdk.OutcomeNotAttempted {
		wrong = append(wrong, fmt.Errorf("outcome %s, expected %s", e.Outcome(), sdk.OutcomeNotAttempted))
	}
	if pointer != "" && !names(e, pointer) {
		wrong = append(wrong, fmt.Errorf("names the fields %v, expected %s among them", e.Fields, pointer))
	}
	return errors.Join(append(wrong, b.witness.nothingSent())...)
}

func names(e *sdk.Error, pointer string) bool {
	for _, f := range e.Fields {
		if f.Pointer == pointer || strings.HasPrefix(f.Pointer, pointer+"/") {
			return true
		}
	}
	return false
}
