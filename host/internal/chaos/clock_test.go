package chaos

import (
	"testing"
	"time"
)

// Hosts' clocks are set while payments go on: back and forth by seconds, by minutes, and
// by more than a buyer has for an approval. Whatever is closed for a wrong reason is
// closed for good, and whatever is held for it is let go.
func TestChaosClocksAreSet(t *testing.T) {
	onEach(t, func(t *testing.T, store string) {
		jumps, random := chaos(t, 8, 200)
		w := newWorldOn(t, store, 2)
		s := &shop{w: w}
		crowd := s.open(8, 0)
		for range jumps {
			h := w.hosts[random.IntN(len(w.hosts))]
			h.setClock([]time.Duration{
				time.Duration(random.IntN(10)) * time.Second, -time.Duration(random.IntN(10)) * time.Second,
				4 * time.Minute, -4 * time.Minute, 40 * time.Minute, -40 * time.Minute,
			}[random.IntN(6)])
			crowd.goesOn(4)
		}
		for _, h := range w.hosts {
			h.setClock(0)
		}
		close(crowd.stop)
		w.hasten()
		crowd.wait()
		w.hasten()
		w.judge(s)
	})
}

// setClock has the host's clock be wrong.
func (h *host) setClock(wrong time.Duration) {
	h.w.t.Helper()
	h.w.write(h.clockFile(), wrong.String())
	h.w.faults++
}

func (h *host) clockFile() string { return h.data + ".clock" }
