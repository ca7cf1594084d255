package redirect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// soon is a limit for the buyer that is shorter than any provider's, and slack what two
// clocks may differ by.
const (
	soon  = 5 * time.Minute
	slack = 2 * time.Second
)

var onePage = suite.Case{
	ID: "redirect/one-page", Requirement: "PC-REDIR-001", Profile: suite.Redirect, Needs: opens, Sim: true,
	Rule: "A payment that needs the buyer says where: one https page of the provider's, until when, and not for longer than the host waits.",
	Why:  "Without an expiry a payment waits for ever; with one that is too late the buyer pays for an order that was given up.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		mark := l.Mark()
		until := l.Now().Add(soon)
		p, err := waiting(ctx, l, func(r *sdk.AuthorizeRequest) { r.ApprovalExpiresAt = until })
		if err != nil {
			return err
		}
		const step = "authorizing"
		next := p.Result.Next
		if err := browsable(step, next.RedirectURL, l.Proxy.URL()); err != nil {
			return err
		}
		if _, err := answerWith(l, mark, next.RedirectURL); err != nil {
			return suite.Brokenf(step, "the page that the provider gave", "%s, which is in no answer of its", next.RedirectURL)
		}
		if !next.ExpiresAt.After(l.Now()) || next.ExpiresAt.After(until.Add(slack)) {
			return suite.Brokenf(step, "an expiry between now and "+until.Format(time.RFC3339), "%s", next.ExpiresAt.Format(time.RFC3339))
		}
		return nil
	},
}

// browsable checks that a buyer can be sent to a page: https, or http on this machine for
// a provider that is on this machine too.
func browsable(step, page, provider string) error {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.User != nil {
		return suite.Brokenf(step, "an absolute URL without a user", "%q", page)
	}
	if u.Scheme == "https" || u.Scheme == "http" && local(u.Hostname()) && strings.HasPrefix(provider, "http://127.") {
		return nil
	}
	return suite.Brokenf(step, "an https URL", "%q", page)
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// answerWith is the provider's answer since the mark that has a text in it, as JSON
// writes it.
func answerWith(l *suite.Lane, since suite.Mark, text string) (proxy.Exchange, error) {
	for _, x := range slices.Backward(l.Wrote(since)) {
		if slices.ContainsFunc(spellings(text), func(s []byte) bool { return bytes.Contains(x.Answer.Body, s) }) {
			return x, nil
		}
	}
	return proxy.Exchange{}, fmt.Errorf("%w: no answer of the provider's has %q", suite.ErrBlocked, text)
}

// spellings are the ways in which JSON may write a text.
func spellings(text string) [][]byte {
	plain := []byte(text)
	all := [][]byte{plain, bytes.ReplaceAll(plain, []byte("/"), []byte(`\/`))}
	if quoted, err := json.Marshal(text); err == nil {
		all = append(all, quoted[1:len(quoted)-1])
	}
	return all
}

var foreignPage = suite.Case{
	ID: "redirect/foreign-page", Requirement: "PC-REDIR-002", Profile: suite.Redirect, Needs: opens, Sim: true,
	Rule: "A page at another host than the provider's, or in another scheme, is never given to the buyer, whoever put it into the answer.",
	Why:  "Whoever gets one answer forged sends every buyer to a page of their own, with the shop's name on it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		mark := l.Mark()
		p, err := waiting(ctx, l, nil)
		if err != nil {
			return err
		}
		genuine := p.Result.Next.RedirectURL
		x, err := answerWith(l, mark, genuine)
		if err != nil {
			return err
		}
		var wrong []error
		for _, page := range elsewhere(genuine) {
			reply := proxy.Reply{Status: x.Answer.Status, Header: map[string][]string{"Content-Type": x.Answer.Header["Content-Type"]}, Body: x.Answer.Body}
			for _, s := range spellings(genuine) {
				reply.Body = bytes.ReplaceAll(reply.Body, s, []byte(page))
			}
			wrong = append(wrong, notThere(ctx, l, p, genuine, page, reply))
		}
		return errors.Join(wrong...)
	},
}

// elsewhere are pages that are not the provider's.
func elsewhere(genuine string) []string {
	host := "provider.example"
	if u, err := url.Parse(genuine); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	return []string{
		"https://attacker.example/pay", "https://" + host + "@attacker.example/pay", "https://" + host + ".attacker.example/pay",
		"http://attacker.example/pay", "//attacker.example/pay", "javascript:alert(1)", "data:text/html,pay", "",
	}
}

// notThere asks again with the same key, has the answer name another page, and expects
// the buyer not to be sent there.
func notThere(ctx context.Context, l *suite.Lane, p *suite.Payment, genuine, page string, reply proxy.Reply) error {
	if err := l.Break(proxy.Fault{What: proxy.Instead, Only: proxy.Writes, Reply: reply}); err != nil {
		return err
	}
	req := p.Request
	req.Call = suite.Again(req.Call)
	result, err := l.Remote.Authorize(ctx, req)
	if healErr := l.Heal(); healErr != nil {
		return healErr
	}
	if err == nil && result.Next != nil && result.Next.RedirectURL != genuine {
		return suite.Brokenf(fmt.Sprintf("authorizing, answered with the page %q", page), "the buyer not to be sent there", "%s", result.Next.RedirectURL)
	}
	return nil
}

var samePage = suite.Case{
	ID: "redirect/same-page", Requirement: "PC-REDIR-004", Profile: suite.Redirect, Needs: opens, Sim: true,
	When:     func(m sdk.Manifest) bool { return m.Idempotency[sdk.OpAuthorize].Mode == sdk.IdempotencyNative },
	WhenText: "authorize has no native idempotency",
	Rule:     "A buyer who reloads gets the same page of the same payment.",
	Why:      "With a page for each reload one basket is paid twice, in two tabs.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := waiting(ctx, l, nil)
		if err != nil {
			return err
		}
		for range 3 {
			p.Request.Call = suite.Again(p.Request.Call)
			again, err := l.Remote.Authorize(ctx, p.Request)
			const step = "authorizing again with the same key"
			if err != nil || again.Next == nil {
				return suite.Brokenf(step, "the same page", "%s and %v", again.Outcome, err)
			}
			if err := errors.Join(
				suite.Equal(step, again.Next.RedirectURL, p.Result.Next.RedirectURL), suite.Equal(step, again.Order, p.Result.Order),
			); err != nil {
				return err
			}
		}
		_, err = p.Books(ctx)
		return err
	},
}

// Ways back that whoever rewrites URLs would rewrite: an order of keys, a key twice, two
// spellings of a blank, an escape in lower case, text beyond ASCII, an empty value.
const (
	wayBack   = "https://host.example/return/1/t/approved?z=1&a=%2F&a=b+c%20d&k=%e6%97%a5&empty=&u=%E6%9C%AC#top"
	wayCancel = "https://host.example/return/1/t/canceled?b=2&a=1&next=https%3A%2F%2Fshop.example%2F%3Fq%3D1"
)

var unmodified = suite.Case{
	ID: "redirect/urls-unmodified", Requirement: "PC-REDIR-003", Profile: suite.Redirect, Needs: opens, Sim: true,
	Rule: "The URLs for the way back reach the provider as they are: query, fragment and percent-encoding.",
	Why:  "The host finds the payment, and the proof that the visit is genuine, in the URL; rewritten, the buyer meets an error page.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		mark := l.Mark()
		if _, err := waiting(ctx, l, func(r *sdk.AuthorizeRequest) { r.ReturnURL, r.CancelURL = wayBack, wayCancel }); err != nil {
			return err
		}
		var wrong []error
		for what, address := range map[string]string{"return URL": wayBack, "cancel URL": wayCancel} {
			if !slices.ContainsFunc(l.Wrote(mark), func(x proxy.Exchange) bool { return carries(x.Request.Body, address) }) {
				wrong = append(wrong, suite.Brokenf("authorizing", "the "+what+" "+address+" to reach the provider", "other words"))
			}
		}
		return errors.Join(wrong...)
	},
}

// carries reports whether a request has a text as a value, in JSON, in a form or as it is.
func carries(body []byte, text string) bool {
	var tree any
	if json.Unmarshal(body, &tree) == nil {
		return within(tree, text)
	}
	if form, err := url.ParseQuery(string(body)); err == nil {
		for _, values := range form {
			if slices.Contains(values, text) {
				return true
			}
		}
	}
	return bytes.Contains(body, []byte(text))
}

func within(tree any, text string) bool {
	switch v := tree.(type) {
	case string:
		return v == text
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return within(x, text) })
	case map[string]any:
		for _, x := range v {
			if within(x, text) {
				return true
			}
		}
	}
	return false
}
