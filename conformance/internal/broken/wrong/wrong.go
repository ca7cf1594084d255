// Package wrong makes a connector that does something else than the reference connector
// in chosen operations, and in nothing besides.
//
// A Double still implements every operation, so a mutant built from it claims what the
// reference claims unless it changes the manifest.
package wrong

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Double is the reference connector with the operations replaced that are not nil.
type Double struct {
	*reference.Connector
	Manifest  func(sdk.Manifest) sdk.Manifest
	OnOpen    func(context.Context, sdk.AuthorizeRequest) (sdk.AuthorizeResult, error)
	OnFind    func(context.Context, sdk.FindPaymentRequest) (sdk.PaymentFinding, error)
	OnCapture func(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error)
	OnVoid    func(context.Context, sdk.VoidRequest) (sdk.VoidResult, error)
	OnRefund  func(context.Context, sdk.RefundRequest) (sdk.RefundResult, error)
	OnLook    func(context.Context, sdk.FindRefundRequest) (sdk.RefundFinding, error)
}

// Describe implements [sdk.Connector].
func (d *Double) Describe() sdk.Manifest {
	if d.Manifest != nil {
		return d.Manifest(d.Connector.Describe())
	}
	return d.Connector.Describe()
}

// Authorize implements [sdk.Authorizer].
func (d *Double) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return either(d.OnOpen, d.Connector.Authorize)(ctx, req)
}

// FindPayment implements [sdk.PaymentFinder].
func (d *Double) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return either(d.OnFind, d.Connector.FindPayment)(ctx, req)
}

// Capture implements [sdk.Capturer].
func (d *Double) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return either(d.OnCapture, d.Connector.Capture)(ctx, req)
}

// Void implements [sdk.Voider].
func (d *Double) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	return either(d.OnVoid, d.Connector.Void)(ctx, req)
}

// Refund implements [sdk.Refunder].
func (d *Double) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return either(d.OnRefund, d.Connector.Refund)(ctx, req)
}

// FindRefund implements [sdk.RefundFinder].
func (d *Double) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return either(d.OnLook, d.Connector.FindRefund)(ctx, req)
}

func either[Q, A any](replaced, own func(context.Context, Q) (A, error)) func(context.Context, Q) (A, error) {
	if replaced != nil {
		return replaced
	}
	return own
}

// In makes a mutant's connector by replacing operations of a Double.
func In(replace func(d *Double)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector {
		d := &Double{Connector: c}
		replace(d)
		return d
	}
}

// Found replaces lookups by ones that change the snapshot they found.
func Found(change func(*sdk.Snapshot)) func(*reference.Connector) sdk.Connector {
	return In(func(d *Double) {
		d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
			f, err := d.Connector.FindPayment(ctx, req)
			if f.Payment != nil {
				change(f.Payment)
			}
			return f, err
		}
	})
}

// Asked replaces authorizations by ones that ask for something else.
func Asked(change func(*sdk.AuthorizeRequest)) func(*reference.Connector) sdk.Connector {
	return In(func(d *Double) {
		d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
			change(&req)
			return d.Connector.Authorize(ctx, req)
		}
	})
}

// Claiming replaces the manifest.
func Claiming(change func(*sdk.Manifest)) func(*reference.Connector) sdk.Connector {
	return In(func(d *Double) {
		d.Manifest = func(m sdk.Manifest) sdk.Manifest {
			change(&m)
			return m
		}
	})
}

// Is reports whether an error is of one of the codes.
func Is(err error, codes ...sdk.Code) bool {
	if err == nil {
		return false
	}
	for _, c := range codes {
		if sdk.AsError(err).Code == c {
			return true
		}
	}
	return false
}

// A Way is a provider's answer on its way to the connector, to be changed.
type Way struct {
	Request *http.Request
	Asked   []byte // the request's body
	Status  int
	Type    string // of the answer's content
	Body    []byte
	Broken  error // why the body ended early
}

// On makes a mutant's transport that changes answers, after changing what was asked.
// Either may be nil.
func On(ask func([]byte) []byte, answer func(*Way)) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return way{next, ask, answer} }
}

type way struct {
	next   http.RoundTripper
	ask    func([]byte) []byte
	answer func(*Way)
}

// RoundTrip implements [http.RoundTripper].
func (w way) RoundTrip(req *http.Request) (*http.Response, error) {
	out, read := req.Clone(req.Context()), &lazy{from: req.Body, change: w.ask}
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = read
		if w.ask != nil {
			out.ContentLength = -1
		}
	}
	res, err := w.next.RoundTrip(out)
	if err != nil || w.answer == nil {
		return res, err
	}
	defer res.Body.Close()
	x := &Way{Request: req, Asked: read.asked(), Status: res.StatusCode, Type: res.Header.Get("Content-Type")}
	x.Body, x.Broken = io.ReadAll(res.Body)
	w.answer(x)
	res.StatusCode, res.ContentLength = x.Status, int64(len(x.Body))
	res.Header.Set("Content-Length", strconv.Itoa(len(x.Body)))
	res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(x.Body), broken{x.Broken}))
	return res, nil
}

// A lazy body is read, and changed, no sooner than it is sent: a request that nobody
// takes has then not been read, as without the mutant.
type lazy struct {
	from   io.ReadCloser
	change func([]byte) []byte

	mu  sync.Mutex
	raw []byte
	out io.Reader
}

// Read implements [io.Reader].
func (l *lazy) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		raw, err := io.ReadAll(l.from)
		if err != nil {
			return 0, err
		}
		l.raw, l.out = raw, bytes.NewReader(raw)
		if l.change != nil && len(raw) > 0 {
			l.out = bytes.NewReader(l.change(raw))
		}
	}
	return l.out.Read(p)
}

// Close implements [io.Closer].
func (l *lazy) Close() error { return l.from.Close() }

func (l *lazy) asked() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.raw
}

// broken ends a body as the one from the provider ended.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}
