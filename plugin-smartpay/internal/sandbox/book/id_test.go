package book

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestIDsReadBackAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		text := id.Text(KindOrder, Test)
		if back, ok := ParseID(KindOrder, Test, text); !ok || back != id {
			t.Fatalf("ParseID(%q) = %v, %v; want %v", text, back, ok, id)
		}
		for _, foreign := range []struct {
			kind Kind
			mode Mode
		}{{KindPayment, Test}, {KindOrder, Live}} {
			if _, ok := ParseID(foreign.kind, foreign.mode, text); ok {
				t.Fatalf("ParseID(%s, %s, %q) took a foreign identifier", foreign.kind, foreign.mode, text)
			}
		}
	})
}

func TestIDIsTheValueInBase62(t *testing.T) {
	id := ID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}
	text := id.Text(KindRefund, Live)[len("refund_live_"):]
	want := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(2))
	got := new(big.Int)
	for i := range len(text) {
		value := int64(-1)
		for d := range len(digits) {
			if digits[d] == text[i] {
				value = int64(d)
			}
		}
		got.Add(got.Mul(got, big.NewInt(62)), big.NewInt(value))
	}
	if got.Cmp(want) != 0 || len(text) != 22 {
		t.Errorf("%q is %v in %d digits, want %v in 22", text, got, len(text), want)
	}
}

func TestParseIDRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":               "",
		"only a prefix":         "order_test_",
		"a strange character":   "order_test_abc-def",
		"more than 128 bits":    "order_test_zzzzzzzzzzzzzzzzzzzzzz",
		"far more digits":       "order_test_11111111111111111111111111111111",
		"a leading zero":        "order_test_0123456789abcdefghij",
		"another kind's prefix": "orders_test_1",
	} {
		t.Run(name, func(t *testing.T) {
			if id, ok := ParseID(KindOrder, Test, text); ok {
				t.Errorf("ParseID(%q) = %v, want a refusal", text, id)
			}
		})
	}
}

func TestTheSameSeedGivesTheSameIdentifiers(t *testing.T) {
	first, again, other := newSource(7, 0), newSource(7, 0), newSource(7, 1)
	if a, b := first.id(), again.id(); a != b {
		t.Errorf("same seed: %v and %v", a, b)
	}
	if a, b := newSource(7, 0).id(), other.id(); a == b {
		t.Errorf("another start of the same seed repeats %v", a)
	}
	for range 2000 {
		if secret := first.letters(40); len(secret) != 40 || secret[0] == 'A' {
			t.Fatalf("secret %q: want 40 characters, the first not A", secret)
		}
	}
}

func TestDerivedIDsDiffer(t *testing.T) {
	seen := map[ID]bool{}
	for _, kind := range []Kind{KindLineItem, KindPrice, KindProduct} {
		for i := range 300 {
			seen[ID{1}.Derive(kind, i)] = true
		}
	}
	if len(seen) != 900 {
		t.Errorf("900 parts have %d identifiers", len(seen))
	}
}
