//go:build !race

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/connectorhost/connectorhost/host/api"
)

// storyPatience bounds what another process brings about.
const storyPatience = 60 * time.Second

// The stories are what operators type, and what they see. They run the programs that
// TestMain has built.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", programs+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("PROGRAMS", programs)
			env.Setenv("TMPDIR", os.TempDir()) // sockets have short names
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": awaitReady, "exits": exits, "until": until, "pick": pick, "short": short,
			"payment": makePayment, "merchant": askAsMerchant, "edition": makeEdition,
			"key": makeKey, "certify": makeCertificate, "digest": digestInto, "flip": flip,
		},
		RequireUniqueNames: true,
	})
}

// awaitReady waits until the daemon has written its ready file, and sets the variables
// that say where it is: "await FILE". From then on connectord talks to it.
func awaitReady(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 1, "await FILE")
	var r ready
	tries(ts, "the daemon is ready", func() error {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &r)
	})
	for name, value := range map[string]string{
		"API": r.APIURL, "ADMIN": r.AdminURL, "KEY": r.APIKeyFile, "TOKEN_FILE": r.AdminTokenFile,
		"CONNECTORD_ADMIN": r.AdminURL, "CONNECTORD_TOKEN_FILE": r.AdminTokenFile,
	} {
		ts.Setenv(name, value)
	}
}

// exits runs a program that must end with the given status: "exits STATUS PROGRAM ARG...".
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARG...")
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != status {
		ts.Fatalf("exit status %d, want %d", got, status)
	}
}

// until runs a program until its standard output matches: "until PATTERN PROGRAM ARG...".
func until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM ARG...")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	tries(ts, fmt.Sprintf("%v says %s", args[1:], pattern), func() error {
		err := ts.Exec(args[1], args[2:]...)
		if out := ts.ReadFile("stdout"); err != nil || !pattern.MatchString(out) {
			return fmt.Errorf("%w: %s", errors.Join(err, errors.New("no match")), out)
		}
		return nil
	})
}

// pick sets a variable to a field of the JSON on standard output: "pick NAME path.to.field".
func pick(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 2, "pick NAME PATH")
	var answer any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &answer))
	value := at(answer, args[1])
	if value == nil {
		ts.Fatalf("there is no %s in %v", args[1], answer)
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

// short cuts a digest in a variable to the length that people are shown: "short NAME".
func short(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 1, "short NAME")
	digest := ts.Getenv(args[0])
	ts.Setenv(args[0], digest[:min(len(digest), 12)])
}

// makePayment makes a payment of ¥2,500 whose buyer approves, declines or cancels, and
// sets a variable to its id: "payment NAME approve".
func makePayment(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 2, "payment NAME approve|decline|cancel")
	ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
	defer cancel()
	var made map[string]any
	ts.Check(shopper(ts).call(ctx, http.MethodPost, "/transactions", examplePayment(shop), &made))
	page, _ := at(made, "payment_method.approval_url").(string)
	ts.Check(visit(ctx, page+"?auto="+args[1]))
	id, _ := made["id"].(string)
	ts.Setenv(args[0], id)
}

// visit opens a page as a browser does, up to the shop.
func visit(ctx context.Context, page string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	browser := http.Client{CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if req.URL.Host == "shop.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// shopper is a merchant with a token of the development key.
func shopper(ts *testscript.TestScript) *merchant {
	key, err := os.ReadFile(ts.Getenv("KEY"))
	ts.Check(err)
	token, err := api.Sign(key, []string{"*.read", "*.write"}, time.Hour, time.Now())
	ts.Check(err)
	return &merchant{url: ts.Getenv("API"), token: token}
}

// askAsMerchant makes a request with the token on standard output, until the answer has
// the status: "merchant STATUS METHOD PATH". A revoked key stops working within seconds.
func askAsMerchant(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 3, "merchant STATUS METHOD PATH")
	m := merchant{url: ts.Getenv("API"), token: string(bytes.TrimSpace([]byte(ts.ReadFile("stdout"))))}
	tries(ts, fmt.Sprintf("%s %s is answered with %s", args[1], args[2], args[0]), func() error {
		status, raw, err := m.do(context.Background(), args[1], args[2], nil, nil)
		if err == nil && strconv.Itoa(status) != args[0] {
			return fmt.Errorf("%d %s", status, raw)
		}
		return err
	})
}

// makeEdition makes another release of the Smartpay connector: "edition FILE". Its
// bytes are others, what it does is the same.
func makeEdition(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 1, "edition FILE")
	program, err := os.ReadFile(filepath.Join(programs, "plugin-smartpay"))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(program, args[0]...), 0o700))
}

func want(ts *testscript.TestScript, args []string, n int, usage string) {
	if len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
}

// tries tries something that another process brings about.
func tries(ts *testscript.TestScript, what string, try func() error) {
	ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("not within %s: %s: %v", storyPatience, what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
