package smartpay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

// promptly is how soon a cancelled call must be back. A busy machine may be late now and
// then, a connector that waits is late every time; so one of a few tries has to make it.
const promptly = 250 * time.Millisecond

func TestCallsThatAreGivenUpLeaveNothingBehind(t *testing.T) {
	for name, deed := range map[string]badnet.Deed{
		"before headers": badnet.Hang, "in the body": badnet.Drip(200, sessionBody, time.Hour),
	} {
		for kind, write := range writes {
			before := goleak.IgnoreCurrent()
			t.Run(name+", "+kind, func(t *testing.T) {
				best := time.Hour
				for range 5 {
					best = min(best, giveUp(t, deed, write.ask))
				}
				if best > promptly {
					t.Errorf("a call that is given up takes %v", best)
				}
			})
			if err := goleak.Find(before); err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
	}
}

// giveUp cancels a call once its request has arrived, and measures how long it then takes.
func giveUp(t *testing.T, deed badnet.Deed, ask func(context.Context, *bench) (sdk.Answer, error)) time.Duration {
	t.Helper()
	server := badnet.Start(t, deed)
	b := &bench{t: t, account: account(server.URL())}
	b.unguarded()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type ending struct {
		answer sdk.Answer
		err    error
		at     time.Time
	}
	done := make(chan ending, 1)
	go func() {
		answer, err := ask(ctx, b)
		done <- ending{answer, err, time.Now()}
	}()
	server.Await(ctx, t)
	left := time.Now()
	cancel()
	end := <-done
	if e := refused(t, end.err); sdk.OutcomeOf(end.answer, end.err) != sdk.OutcomeUnknown || !errors.Is(e, context.Canceled) {
		t.Errorf("answered %v", e)
	}
	return end.at.Sub(left)
}

// Before a byte has left, there is proof that nothing has happened, and it says what to mend.
func TestWhatNeverLeftThisMachine(t *testing.T) {
	stranger := httptest.NewTLSServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(stranger.Close)
	plain := badnet.Start(t, badnet.Raw("not TLS\r\n"))
	for name, tt := range map[string]struct {
		base    string
		options Options
		code    sdk.Code
	}{
		"nobody listens":         {"http://" + badnet.Refused(t), Options{}, sdk.CodeConnectRefused},
		"an unknown authority":   {"https://" + stranger.Listener.Addr().String(), Options{}, sdk.CodeTLSFailure},
		"no TLS at all":          {"https://" + plain.Addr, Options{TLS: &tls.Config{MinVersion: tls.VersionTLS13}}, sdk.CodeTLSFailure},
		"a name that is nowhere": {"https://api.smartpay.invalid/v1", Options{}, sdk.CodeDNSFailure},
	} {
		t.Run(name, func(t *testing.T) {
			saved := net.DefaultResolver
			t.Cleanup(func() { net.DefaultResolver = saved })
			net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("there is no name server here")
			}}
			for kind, write := range writes {
				b := &bench{Remote: connect(t, tt.options), t: t, account: account(tt.base)}
				answer, err := write.ask(t.Context(), b)
				if e := refused(t, err); e.Code != tt.code || sdk.OutcomeOf(answer, err) != sdk.OutcomeNotAttempted || e.Retry() != sdk.RetrySameKey {
					t.Errorf("%s: %v (%s)", kind, e, e.Outcome())
				}
			}
		})
	}
}
