package sdktest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A checker is a connector that does one thing.
type checker struct {
	name  string
	check func(context.Context, sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error)
}

func (c checker) Describe() sdk.Manifest {
	return sdk.Manifest{
		Name: c.name, Version: "1.0.0", Contract: sdk.ContractRange{Min: 1, Max: 1}, DisplayName: "Checker",
		ConfigSchema: []byte(`{"type":"object","properties":{"key":{"type":"string","writeOnly":true}}}`),
	}
}

func (c checker) CheckCredentials(
	ctx context.Context, req sdk.CheckCredentialsRequest,
) (sdk.CredentialCheck, error) {
	return c.check(ctx, req)
}

func request() sdk.CheckCredentialsRequest {
	return sdk.CheckCredentialsRequest{Call: sdk.Call{Account: sdk.Account{
		ID: "ps-1", Mode: sdk.ModeTest, Secrets: map[string]sdk.Secret{"key": sdk.NewSecret("good")},
	}}}
}

func keyIsGood(_ context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return sdk.CredentialCheck{Valid: req.Call.Account.Secrets["key"].Reveal() == "good"}, nil
}

func TestConnect(t *testing.T) {
	remote := sdktest.Connect(t, checker{"checker", keyIsGood})
	d, err := remote.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (sdk.Operations{sdk.OpCheckCredentials}); d.Manifest.Name != "checker" || !cmp.Equal(d.Operations, want) {
		t.Errorf("Describe = %q with %v, want checker with %v", d.Manifest.Name, d.Operations, want)
	}
	check, err := remote.CheckCredentials(t.Context(), request())
	if err != nil || !check.Valid {
		t.Errorf("CheckCredentials = %+v, %v, want valid", check, err)
	}
	_, err = remote.Refund(t.Context(), sdk.RefundRequest{})
	if want := sdk.Unsupported("checker", sdk.OpRefund); err == nil || err.Error() != want.Error() {
		t.Errorf("Refund: %v, want %v", err, want)
	}
	if health, err := remote.Health(t.Context()); err != nil || !health.Serving {
		t.Errorf("Health = %+v, %v, want serving", health, err)
	}
}

// A test may end before it has called the connector, and before that is served.
func TestClosedAtOnce(t *testing.T) {
	for range 500 {
		_, shut, err := sdktest.Open(checker{"checker", keyIsGood})
		if err != nil {
			t.Fatal(err)
		}
		if err := shut(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConnectTwiceAtOnce(t *testing.T) {
	first := sdktest.Connect(t, checker{"first", keyIsGood})
	second := sdktest.Connect(t, checker{"second", keyIsGood})
	for want, remote := range map[string]sdk.Remote{"first": first, "second": second} {
		if d, err := remote.Describe(t.Context()); err != nil || d.Manifest.Name != want {
			t.Errorf("Describe = %q, %v, want %q", d.Manifest.Name, err, want)
		}
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	remote := sdktest.Connect(t, checker{"checker", keyIsGood})
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			if check, err := remote.CheckCredentials(t.Context(), request()); err != nil || !check.Valid {
				t.Errorf("CheckCredentials = %+v, %v, want valid", check, err)
			}
		})
	}
	calls.Wait()
}

// A recorder stands in for a test, to see what Connect makes of one.
type recorder struct {
	testing.TB
	said     []string
	cleanups []func()
}

type fatal struct{}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatal(args ...any) {
	r.said = append(r.said, fmt.Sprint(args...))
	panic(fatal{})
}

// end runs the cleanups as the end of a test does.
func (r *recorder) end() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func TestConnectRefusesAManifestThatNoHostCanUse(t *testing.T) {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if _, ok := recover().(fatal); !ok {
				t.Error("the test went on")
			}
		}()
		sdktest.Connect(r, checker{"No Name", keyIsGood})
	}()
	r.end()
	if len(r.said) != 1 || !strings.Contains(r.said[0], "/manifest/name") {
		t.Errorf("it said %q, want one complaint about the name", r.said)
	}
}

func TestACallThatRunsOnIsToldToStop(t *testing.T) {
	started, told := make(chan struct{}), make(chan error, 1)
	r := &recorder{TB: t}
	remote := sdktest.Connect(r, checker{"checker", func(
		ctx context.Context, _ sdk.CheckCredentialsRequest,
	) (sdk.CredentialCheck, error) {
		close(started)
		<-ctx.Done()
		told <- ctx.Err()
		return sdk.CredentialCheck{}, ctx.Err()
	}})
	ended := make(chan error, 1)
	go func() {
		_, err := remote.CheckCredentials(t.Context(), request())
		ended <- err
	}()
	<-started
	r.end()
	if err := <-told; err == nil {
		t.Error("the context did not end")
	}
	if e := sdk.AsError(<-ended); e == nil || e.Code != sdk.CodePluginCrash {
		t.Errorf("the caller got %v, want %s", e, sdk.CodePluginCrash)
	}
	if len(r.said) != 0 {
		t.Errorf("it said %q, want nothing", r.said)
	}
}

func TestACallThatNeverEndsFailsTheTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started, release := make(chan struct{}), make(chan struct{})
		r := &recorder{TB: t}
		remote := sdktest.Connect(r, checker{"checker", func(
			context.Context, sdk.CheckCredentialsRequest,
		) (sdk.CredentialCheck, error) {
			close(started)
			<-release // and not the context
			return sdk.CredentialCheck{}, nil
		}})
		go func() {
			if _, err := remote.CheckCredentials(t.Context(), request()); err == nil {
				t.Error("the call worked")
			}
		}()
		<-started
		r.end()
		close(release)
		if len(r.said) != 1 || !strings.Contains(r.said[0], "must return when its context ends") {
			t.Errorf("it said %q, want one complaint about the call", r.said)
		}
	})
}
