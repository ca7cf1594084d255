package supervise

import (
	"math/rand/v2"
	"testing"
)

func TestWorse(t *testing.T) {
	tests := map[string]struct {
		now, was share
		margin   int64
		known    bool
		want     bool
	}{
		"as it was":                          {share{10, 100}, share{100, 1000}, 20, true, false},
		"all fail, none did":                 {share{50, 50}, share{0, 1000}, 20, true, true},
		"too few to mean anything":           {share{4, 50}, share{0, 100000}, 20, true, false},
		"within the margin":                  {share{15, 1000}, share{0, 100000}, 20, true, false},
		"beyond it":                          {share{40, 1000}, share{0, 100000}, 20, true, true},
		"beyond it, but so was the old":      {share{140, 1000}, share{1250, 10000}, 20, true, false},
		"what chance gives":                  {share{8, 50}, share{3, 50}, 20, true, false},
		"a provider that fails for both":     {share{60, 100}, share{60, 100}, 20, true, false},
		"no comparison, a tenth fails":       {share{10, 100}, share{0, 0}, 20, false, false},
		"no comparison, most fail":           {share{60, 100}, share{0, 0}, 20, false, true},
		"more calls than can be squared":     {share{1 << 40, 1 << 42}, share{1 << 38, 1 << 42}, 20, true, true},
		"a hundred million that are as well": {share{1_000_000, 100_000_000}, share{1_000_000, 100_000_000}, 20, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := worse(tt.now, tt.was, tt.margin, tt.known); got != tt.want {
				t.Errorf("worse = %v, want %v", got, tt.want)
			}
		})
	}
}

// A release that is just like the old one is not taken back by chance: of many bake
// times, each looked at sixty times, none ends so. The numbers are the same every time.
func TestChanceTakesNothingBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(n, permille int64) (bad int64) {
		for range n {
			if random.Int64N(1000) < permille {
				bad++
			}
		}
		return bad
	}
	taken := 0
	for range 3000 {
		permille := random.Int64N(300)
		old := 50 + random.Int64N(500)
		was, now := share{draw(old, permille), old}, share{}
		for range 60 {
			more := 1 + random.Int64N(30)
			now = share{now.part + draw(more, permille), now.whole + more}
			if now.whole >= 50 && worse(now, was, 20, true) {
				taken++
				break
			}
		}
	}
	if taken > 3 {
		t.Errorf("%d of 3000 equals were taken back, want one in a thousand at most", taken)
	}
}
