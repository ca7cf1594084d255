package smartpay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestCredentialChecks(t *testing.T) {
	b := newBench(t)
	tests := map[string]struct {
		key   string
		mode  sdk.Mode
		valid bool
		says  string
		asks  bool // Smartpay
	}{
		"good":                {testKey, sdk.ModeTest, true, "", true},
		"good, live":          {strings.Replace(testKey, "test", "live", 1), sdk.ModeLive, true, "", true},
		"refused by Smartpay": {"sk_test_invalid123", sdk.ModeTest, false, "credentials_invalid: Smartpay refused the secret key (HTTP 401)", true},
		"live key, test mode": {strings.Replace(testKey, "test", "live", 1), sdk.ModeTest, false, "environment_mismatch", false},
		"test key, live mode": {testKey, sdk.ModeLive, false, "environment_mismatch", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := b.ledger()
			a := account(b.url + "/v1")
			a.Mode, a.Secrets = tt.mode, map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret(tt.key)}
			got, err := b.CheckCredentials(t.Context(), sdk.CheckCredentialsRequest{Call: sdk.Call{Account: a}})
			if err != nil {
				t.Fatalf("CheckCredentials: %v", err)
			}
			if got.Valid != tt.valid || !strings.Contains(got.Reason, tt.says) {
				t.Errorf("says %+v, want %v %q", got, tt.valid, tt.says)
			}
			if tt.key != "" && strings.Contains(got.Reason, tt.key) {
				t.Errorf("the reason shows the key: %q", got.Reason)
			}
			asked := len(b.ledger().Requests) - len(before.Requests)
			if (asked > 0) != tt.asks {
				t.Errorf("Smartpay has seen %d requests", asked)
			}
		})
	}
	if got := b.ledger(); len(got.ByReference) != 0 || len(got.ByKey) != 0 {
		t.Errorf("checking has left %+v", got)
	}
}

// The config schema stops keys of the wrong form, at the host and at the guard; the
// connector does not rely on it.
func TestKeysOfTheWrongForm(t *testing.T) {
	connector := New(Options{})
	for name, key := range map[string]string{
		"public key": "pk_test_1", "none": "", "key with a line end": testKey + "\n", "key that breaks HTTP": testKey + "\r\nX: y",
	} {
		a := account("http://127.0.0.1:1")
		a.Secrets = map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret(key)}
		call := sdk.Call{Account: a}
		got, err := connector.CheckCredentials(t.Context(), sdk.CheckCredentialsRequest{Call: call})
		if err != nil || got.Valid || !strings.HasPrefix(got.Reason, "credentials_invalid: not a Smartpay secret key") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		_, err = connector.Void(t.Context(), sdk.VoidRequest{Call: call, Order: anOrder})
		if e := refused(t, err); e.Code != sdk.CodeCredentialsInvalid {
			t.Errorf("%s: %v", name, e)
		}
	}
}

func TestWritesRefuseAKeyOfTheOtherEnvironment(t *testing.T) {
	b := newBench(t)
	b.account.Mode = sdk.ModeLive
	for kind, write := range writes {
		_, err := write.ask(t.Context(), b)
		if e := refused(t, err); e.Code != sdk.CodeEnvironmentMismatch || e.Outcome() != sdk.OutcomeNotAttempted {
			t.Errorf("%s: %v", kind, e)
		}
	}
	if n := b.ledger().Counts.Requests; n > 0 {
		t.Errorf("Smartpay has seen %d requests", n)
	}
}

func TestAPIAddress(t *testing.T) {
	remote := connect(t, Options{})
	for _, address := range []string{
		"http://api.smartpay.co/v1", "http://10.0.0.1/v1", "https://user:pw@api.smartpay.co/v1", "ftp://127.0.0.1", "api.smartpay.co",
	} {
		_, err := remote.Capture(t.Context(), sdk.CaptureRequest{
			Call:  sdk.Call{OperationID: "op-1", Key: "key-1", Account: account(address)},
			Order: anOrder, Amount: sdk.JPY(1), Final: true,
		})
		if e := refused(t, err); e.Outcome() != sdk.OutcomeNotAttempted || len(e.Fields) == 0 || strings.Contains(e.Error(), "pw@") {
			t.Errorf("%s: %v", address, e)
		}
	}
}

func TestClientsAreSharedAndBounded(t *testing.T) {
	c := New(Options{})
	t.Cleanup(c.Close)
	first, err := c.client("https://api.smartpay.example/v1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.client("https://api.smartpay.example/v1"); err != nil || again != first {
		t.Errorf("one base URL has two clients: %v", err)
	}
	for i := range 3 * maxClients {
		if _, err := c.client(fmt.Sprintf("https://api-%d.smartpay.example/v1", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.clients) > maxClients {
		t.Errorf("%d clients are kept, want at most %d", len(c.clients), maxClients)
	}
}

// Two accounts in one process share connections and nothing else.
func TestAccountsDoNotMix(t *testing.T) {
	b := newBench(t)
	other := *b
	other.account = account(b.url + "/v1")
	other.account.ID = "ps-2"
	other.account.Secrets = map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret("sk_test_AAAAAAAAAAAAAAAAAAAAAA")}
	mine, theirs := b.authorize("Rmine", 1000, sdk.CaptureManual), other.authorize("Rtheirs", 2000, sdk.CaptureManual)
	got, err := other.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: other.read(""), Order: mine.Order})
	if err != nil || got.Found {
		t.Errorf("one account sees the other's order: %+v, %v", got, err)
	}
	if found := other.find(theirs.Order); found.Reference != "Rtheirs" {
		t.Errorf("found %+v", found)
	}
}

func TestManyPaymentsAtOnce(t *testing.T) {
	b := newBench(t)
	const n = 64
	requests := make([]sdk.AuthorizeRequest, n)
	for i := range requests {
		requests[i] = b.order(sdk.Reference(fmt.Sprint("Rmany", i)), int64(1000+i), sdk.CaptureManual)
	}
	results := make([]sdk.AuthorizeResult, n)
	var all sync.WaitGroup
	for i, req := range requests {
		all.Go(func() {
			var err error
			if results[i], err = b.Authorize(t.Context(), req); err != nil {
				t.Errorf("Authorize: %v", err)
			}
		})
	}
	all.Wait()
	seen := map[sdk.OrderRef]bool{}
	for i, r := range results {
		if seen[r.Order] || r.Amount == nil || r.Amount.Minor != int64(1000+i) || r.Payment.Reference != requests[i].Call.Reference {
			t.Errorf("payment %d came back as %+v", i, r)
		}
		seen[r.Order] = true
	}
}

func TestOneKeyHasOneEffect(t *testing.T) {
	b := newBench(t)
	order := b.approved("Ronce", 1000, sdk.CaptureManual)
	capture := sdk.CaptureRequest{Call: b.call("Ronce"), Order: order, Amount: sdk.JPY(100), Final: false}
	refs := make([]sdk.CaptureRef, 32)
	var all sync.WaitGroup
	for i := range refs {
		all.Go(func() {
			got, err := b.Capture(t.Context(), capture)
			if err != nil {
				t.Errorf("Capture: %v", err)
			}
			refs[i] = got.Capture
		})
	}
	all.Wait()
	for _, ref := range refs {
		if ref != refs[0] {
			t.Errorf("captures %s and %s under one key", refs[0], ref)
		}
	}
	if got := b.ledger().ByKey[string(capture.Call.Key)]; got.Movements != 1 || got.Captured != 100 || got.Requests != 32 {
		t.Errorf("Smartpay says %+v", got)
	}
	capture.Amount = sdk.JPY(101)
	if _, err := b.Capture(t.Context(), capture); refused(t, err).Code != sdk.CodeKeyConflict {
		t.Errorf("one key, another amount: %v", err)
	}
	capture.Amount, capture.Call.Key = sdk.JPY(100), capture.Call.Key+"x"
	if got, err := b.Capture(t.Context(), capture); err != nil || got.Capture == refs[0] {
		t.Errorf("another key, the same body: %+v, %v", got, err)
	}
}

func TestHTTPSWithACertificateOfOurs(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(paymentBody))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	b := &bench{Remote: connect(t, Options{TLS: &tls.Config{RootCAs: pool}}), t: t, account: account(server.URL)}
	if _, err := writes["capture"].ask(t.Context(), b); err != nil {
		t.Errorf("Capture: %v", err)
	}
}

// The way out that a host gives may lead nowhere: then nothing was sent.
func TestEveryConnectionTakesTheWayOut(t *testing.T) {
	far := badnet.Start(t, badnet.Reply(200, paymentBody))
	var wanted []string
	b := &bench{t: t, account: account("https://api.smartpay.example/v1")}
	b.Remote = connect(t, Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		wanted = append(wanted, address)
		if address != far.Addr {
			return nil, errors.New("refused with 403: not allowed")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}})
	_, err := writes["capture"].ask(t.Context(), b)
	if e := refused(t, err); e.Outcome() != sdk.OutcomeNotAttempted {
		t.Errorf("a way out that is shut: %v", e)
	}
	b.account, b.n = account(far.URL()), 0
	if _, err := writes["capture"].ask(t.Context(), b); err != nil {
		t.Errorf("Capture: %v", err)
	}
	if want := []string{"api.smartpay.example:443", far.Addr}; !slices.Equal(wanted, want) {
		t.Errorf("connections went to %v, want %v", wanted, want)
	}
}
