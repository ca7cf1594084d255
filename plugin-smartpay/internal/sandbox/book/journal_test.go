package book

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// picture spells everything a book holds, for comparison.
func picture(t interface{ Fatal(...any) }, b *Book) string {
	var out bytes.Buffer
	if err := b.dump(&out, 0); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
		lines = append(lines, line[checksum:]) // without the checksum, for the reader's sake
	}
	for _, m := range b.Merchants() {
		for _, o := range m.orders.all { // what leads to what is not written down, so it is spelled here
			lines = append(lines, fmt.Sprintf("order %x: session %v, token %v, discount %v, will end %v",
				o.ID, o.Session != nil && o.Session.Order == o, o.Token != nil, o.Discount != nil && o.Discount.PromotionCode != nil,
				o.Status == RequiresCapture && slices.Contains(m.expiring, o)))
			for _, p := range o.Payments {
				lines = append(lines, fmt.Sprintf("  payment %x of it: %v, %d refunds", p.ID, p.Order == o, len(p.Refunds)))
			}
		}
		for _, k := range m.tokens.all {
			lines = append(lines, fmt.Sprintf("token %x: session %v", k.ID, k.Session != nil && k.Session.Token == k))
		}
	}
	return strings.Join(lines, "\n")
}

func keep(t interface{ Fatal(...any) }, path string) *Book {
	b := newTestBook()
	if err := b.Keep(path); err != nil {
		t.Fatal(err)
	}
	return b
}

// abandon lets go of the file as the end of the process would: nothing is
// written, nothing forced to the disk.
func (b *Book) abandon() { _, _ = b.journal.file.Close(), b.journal.lock.Close() }

// story does something, anything, to a merchant's books.
func story(t *rapid.T, b *Book, m *Merchant) {
	id := func(kind Kind, ids []ID) string {
		if len(ids) == 0 {
			return ""
		}
		return rapid.SampledFrom(ids).Draw(t, "object").Text(kind, m.Mode)
	}
	var orders, payments, refunds, tokens, coupons, promotions, endpoints []ID
	for _, r := range m.refunds.all {
		refunds = append(refunds, r.ID)
	}
	for _, p := range m.promotions.all {
		promotions = append(promotions, p.ID)
	}
	for _, e := range m.endpoints.all {
		endpoints = append(endpoints, e.ID)
	}
	for _, o := range m.orders.all {
		orders = append(orders, o.ID)
	}
	for _, p := range m.payments.all {
		payments = append(payments, p.ID)
	}
	for _, k := range m.tokens.all {
		tokens = append(tokens, k.ID)
	}
	for _, c := range m.coupons.all {
		coupons = append(coupons, c.ID)
	}
	text := rapid.StringN(0, 8, -1).Draw(t, "text")
	amount := rapid.Int64Range(1, 600).Draw(t, "amount")
	spec := OrderSpec{
		Amount: 1000, Currency: "JPY", Manual: rapid.Bool().Draw(t, "manual"), Reference: text,
		Items: json.RawMessage(`[]`), Shipping: json.RawMessage(`{}`),
	}
	steps := map[string]func(*Tx){
		"open":       func(tx *Tx) { tx.OpenSession(SessionSpec{SuccessURL: text, Order: &spec}) },
		"open token": func(tx *Tx) { tx.OpenSession(SessionSpec{Reference: text}) },
		"approve": func(tx *Tx) {
			if o, err := tx.Order(id(KindOrder, orders)); err == nil {
				tx.Approve(o)
			}
		},
		"decline": func(tx *Tx) {
			if o, err := tx.Order(id(KindOrder, orders)); err == nil {
				tx.Decline(o, rapid.Bool().Draw(t, "soft"))
			}
		},
		"redeem": func(tx *Tx) {
			if o, err := tx.Order(id(KindOrder, orders)); err == nil {
				tx.Redeem(o, "code-1")
				tx.Redeem(o, "code-2")
			}
		},
		"capture": func(tx *Tx) {
			_, _ = tx.Capture(CaptureSpec{Order: id(KindOrder, orders), Amount: amount, Currency: "JPY", Keep: true, Description: text})
		},
		"cancel": func(tx *Tx) { _, _ = tx.CancelOrder(id(KindOrder, orders)) },
		"refund": func(tx *Tx) {
			_, _ = tx.Refund(RefundSpec{Payment: id(KindPayment, payments), Amount: amount, Currency: "JPY", Reference: text})
		},
		"note": func(tx *Tx) { _, _ = tx.NotePayment(id(KindPayment, payments), Note{Description: &text}) },
		"expire": func(tx *Tx) {
			if o, err := tx.Order(id(KindOrder, orders)); err == nil {
				tx.ExpireOrder(o)
			}
		},
		"approve token": func(tx *Tx) {
			if k, err := tx.Token(id(KindToken, tokens)); err == nil {
				tx.DecideToken(k, true)
			}
		},
		"pay with token": func(tx *Tx) { _, _ = tx.OrderWithToken(id(KindToken, tokens), spec, false) },
		"switch token":   func(tx *Tx) { _ = tx.SwitchToken(id(KindToken, tokens), amount%2 == 0) },
		"delete token":   func(tx *Tx) { _ = tx.DeleteToken(id(KindToken, tokens)) },
		"coupon":         func(tx *Tx) { tx.CreateCoupon(CouponSpec{Name: text, Amount: amount, Currency: "JPY"}) },
		"change coupon":  func(tx *Tx) { _, _ = tx.UpdateCoupon(id(KindCoupon, coupons), CouponChange{Name: &text}) },
		"code": func(tx *Tx) {
			_, _ = tx.CreatePromotionCode(id(KindCoupon, coupons), PromotionCodeSpec{Code: rapid.SampledFrom([]string{"code-1", "Code-2"}).Draw(t, "code"), Active: true})
		},
		"note refund": func(tx *Tx) { _, _ = tx.NoteRefund(id(KindRefund, refunds), Note{Reference: &text}) },
		"change code": func(tx *Tx) {
			off := amount%2 == 0
			_, _ = tx.UpdatePromotionCode(id(KindPromotionCode, promotions), &off, nil)
		},
		"change endpoint": func(tx *Tx) {
			_, _ = tx.UpdateEndpoint(id(KindEndpoint, endpoints), EndpointChange{Description: &text})
		},
		"rotate secret":   func(tx *Tx) { _, _ = tx.RotateSecret(id(KindEndpoint, endpoints)) },
		"delete endpoint": func(tx *Tx) { _ = tx.DeleteEndpoint(id(KindEndpoint, endpoints)) },
		"endpoint":        func(tx *Tx) { tx.CreateEndpoint(EndpointChange{URL: &text}) },
		"remember":        func(tx *Tx) { tx.Remember(Scope{Key: text}, []byte(text), Reply{Status: 200, Body: []byte(text)}) },
		"forget":          func(tx *Tx) { tx.ForgetReplies() },
	}
	names := make([]string, 0, len(steps))
	for name := range steps {
		names = append(names, name)
	}
	step := steps[rapid.SampledFrom(sorted(names)).Draw(t, "step")]
	due := m.Do(Cause{By: "api", Key: text}, step)
	for _, d := range due {
		if rapid.Bool().Draw(t, "acknowledged") {
			m.Settle(d)
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "wait") == 0 {
		b.Advance(time.Duration(amount) * time.Minute)
	}
}

// TestBooksSurvive plays random stories, ends the process in between, and
// compares what comes back with what there was.
func TestBooksSurvive(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(dir, "state")
		defer func() { _ = os.Remove(path) }()
		b := keep(rt, path)
		defer func() { b.abandon() }()
		for range rapid.IntRange(1, 2).Draw(rt, "lives") {
			for range rapid.IntRange(0, 120).Draw(rt, "steps") {
				story(rt, b, b.Merchant(rapid.SampledFrom([]string{"sk_test_a", "sk_live_b"}).Draw(rt, "merchant")))
			}
			was := picture(rt, b)
			b.abandon()
			b = keep(rt, path)
			if now := picture(rt, b); now != was {
				rt.Fatalf("the books have changed:\n%s", cmp.Diff(was, now))
			}
		}
	})
}

func TestHalfALineAtTheEndCountsForNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	b := keep(t, path)
	open(t, b.Merchant("sk_test_a"), true, true)
	whole := picture(t, b)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open(t, b.Merchant("sk_test_a"), true, false)
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b.abandon()
	for cut := len(before); cut < len(after); cut += 1 + len(after)/40 {
		if err := os.WriteFile(path, after[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := keep(t, path)
		if now := picture(t, again); now != whole {
			t.Fatalf("cut at %d of %d:\n%s", cut, len(after), cmp.Diff(whole, now))
		}
		again.abandon()
	}
}

func TestDamageIsNotReadOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	b := keep(t, path)
	open(t, b.Merchant("sk_test_a"), true, true)
	b.abandon()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"Amount":1000`), []byte(`"Amount":1001`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newTestBook().Keep(path); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("Keep = %v, want it to name the line", err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	b := keep(t, path)
	if err := newTestBook().Keep(path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("Keep = %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	keep(t, path).abandon()
}

func TestIdentifiersDoNotRepeatAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	seen := map[ID]bool{}
	for range 3 {
		b := keep(t, path)
		for range 3 {
			o := open(t, b.Merchant("sk_test_a"), true, false)
			if seen[o.ID] {
				t.Errorf("%x was given out twice", o.ID)
			}
			seen[o.ID] = true
		}
		b.abandon()
	}
}

func TestAuthorisationsEndAfterARestartToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	b := keep(t, path)
	id := open(t, b.Merchant("sk_test_a"), true, true).ID
	b.abandon()
	b = keep(t, path)
	b.Advance(AuthorizationLifetime)
	b.Merchant("sk_test_a").Do(Cause{}, func(tx *Tx) {
		if o, err := tx.Order(id.Text(KindOrder, Test)); err != nil || o.Status != Canceled {
			t.Errorf("order %+v, %v", o, err)
		}
	})
	b.abandon()
}

func TestWhatCannotBeKeptIsSaid(t *testing.T) {
	b := keep(t, filepath.Join(t.TempDir(), "state"))
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	if err := b.journal.file.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, b.Merchant("sk_test_a"), true, false)
	if err := b.Err(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Err = %v", err)
	}
}
