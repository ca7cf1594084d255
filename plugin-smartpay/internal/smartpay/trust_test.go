package smartpay

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Every bit of the first four kilobytes counts, and of the secret as it is written.
func TestEveryBitOfALongDelivery(t *testing.T) {
	body := eventOf("coupon.created", `{"note":"`+strings.Repeat("あ", 1400)+`"}`)
	genuine := signedAt(t, body, time.UnixMilli(vectorTime))
	if len(body) < 4096 || deliver(t, genuine).Refused != nil {
		t.Fatalf("the genuine delivery of %d bytes is refused", len(body))
	}
	connector := New(Options{})
	refusedWith := func(req sdk.WebhookRequest) sdk.Code {
		got, err := connector.ReadWebhook(t.Context(), req)
		if err != nil || got.Refused == nil {
			return ""
		}
		return got.Refused.Code
	}
	for i := range 4096 * 8 {
		genuine.Body[i/8] ^= 1 << (i % 8)
		if got := refusedWith(genuine); got != sdk.CodeSignatureInvalid {
			t.Fatalf("bit %d of the body: %q", i, got)
		}
		genuine.Body[i/8] ^= 1 << (i % 8)
	}
	for i := range len(vectorSecret) * 8 {
		secret := []byte(vectorSecret)
		secret[i/8] ^= 1 << (i % 8)
		genuine.Secrets[0].Secret = sdk.NewSecret(string(secret))
		if got := refusedWith(genuine); got != sdk.CodeSignatureInvalid {
			t.Fatalf("bit %d of the secret: %q", i, got)
		}
	}
}

func TestEdgeOfTheTolerance(t *testing.T) {
	for name, tolerance := range map[string]time.Duration{"as the host says": 90 * time.Second, "as the manifest says": 0} {
		edge := tolerance
		if edge == 0 {
			edge = time.Duration(New(Options{}).Describe().Webhook.Tolerance)
		}
		for _, sign := range []time.Duration{1, -1} {
			for _, beyond := range []time.Duration{-time.Second, 0, time.Millisecond, time.Second} {
				req := vector()
				req.Tolerance, req.Now = tolerance, req.Now.Add(sign*(edge+beyond))
				got := deliver(t, req)
				if believed := got.Refused == nil; believed != (beyond <= 0) {
					t.Errorf("%s, %v from now, %v allowed: refused with %v", name, sign*(edge+beyond), edge, got.Refused)
				}
			}
		}
	}
}

func TestThirdSecretDuringARotation(t *testing.T) {
	secret := func(text string) sdk.SigningSecret {
		return sdk.SigningSecret{RegistrationID: vectorEndpoint, Secret: sdk.NewSecret(text)}
	}
	old, fresh, third := secret(vectorSecret), secret("MOCKSECRETKEY"), secret("ZZZZSECRETKEY")
	for name, tt := range map[string]struct {
		secrets  []sdk.SigningSecret
		believed bool
	}{
		"old and new":           {[]sdk.SigningSecret{old, fresh}, true},
		"new and old":           {[]sdk.SigningSecret{fresh, old}, true},
		"two that did not sign": {[]sdk.SigningSecret{fresh, third}, false},
	} {
		req := vector()
		req.Secrets = tt.secrets
		if got := deliver(t, req); (got.Refused == nil) != tt.believed {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A comparison that stops at the first difference tells a forger how far they have got.
// So what a delivery claims is compared by hmac.Equal, and by nothing else.
func TestClaimedSignatureIsComparedInConstantTime(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	constant := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && (mentions(n.X, "claimed", "signature") || mentions(n.Y, "claimed", "signature")) {
					t.Errorf("%s compares a signature with %s", file.Name(), n.Op)
				}
			case *ast.CallExpr:
				name := callee(n)
				if name == "hmac.Equal" && mentions(n, "claimed") {
					constant++
				} else if !slices.Contains([]string{"hmac.Equal", "signed", ""}, name) && mentions(n, "claimed") {
					t.Errorf("%s hands what is claimed to %s", file.Name(), name)
				}
			}
			return true
		})
	}
	if constant != 1 {
		t.Errorf("%d comparisons in constant time, want one", constant)
	}
}

// callee is the name of what is called, "" for a conversion to an unnamed type.
func callee(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		if pkg, ok := fun.X.(*ast.Ident); ok {
			return pkg.Name + "." + fun.Sel.Name
		}
	}
	return ""
}

func mentions(in ast.Node, names ...string) bool {
	found := false
	ast.Inspect(in, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && slices.Contains(names, id.Name) {
			found = true
		}
		return true
	})
	return found
}

// A body may be as large as can be read, and as deep or as wide as it likes: reading it
// takes memory in proportion to it.
func TestHostileBodiesAreBounded(t *testing.T) {
	for name, body := range map[string]string{
		"deep":           eventOf("order.authorized", strings.Repeat(`{"a":[`, maxDelivery/8)),
		"deep, closed":   eventOf("coupon.created", strings.Repeat(`[`, maxDelivery/4)+strings.Repeat(`]`, maxDelivery/4)),
		"wide":           eventOf("order.authorized", `{"id":"order_test_1","object":"order","payments":[`+strings.Repeat(`0,`, maxDelivery/4)+`0]}`),
		"many members":   eventOf("order.authorized", `{`+strings.Repeat(`"a":0,`, maxDelivery/8)+`"b":0}`),
		"one long text":  eventOf("order.authorized", `{"id":"`+strings.Repeat("x", maxDelivery-400)+`"}`),
		"gzip":           "\x1f\x8b\x08\x00" + strings.Repeat("\x00", maxDelivery-10),
		"blanks":         strings.Repeat(" ", maxDelivery),
		"bytes above":    strings.Repeat("\xff", maxDelivery),
		"half surrogate": eventOf("order.authorized", `{"id":"\ud83d","object":"order"}`),
	} {
		t.Run(name, func(t *testing.T) {
			req := signedAt(t, body, time.UnixMilli(vectorTime))
			req.Headers["Content-Encoding"] = []string{"gzip"} // what a header claims inflates nothing
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := deliver(t, req)
			runtime.ReadMemStats(&after)
			if got.Refused == nil && got.Observations != nil {
				t.Errorf("believed: %+v", got)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64*maxDelivery {
				t.Errorf("took %d bytes for a body of %d", used, len(body))
			}
		})
	}
	req := vector()
	req.Body = bytes.Repeat([]byte("x"), maxDelivery+1)
	if n := testing.AllocsPerRun(10, func() { deliver(t, req) }); n > 20 {
		t.Errorf("a body that is too large is refused after %v allocations", n)
	}
}
