package chaos

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// The disk that a host keeps its payments on is full again and again while merchants go
// on, and once the host is killed as well. What was answered holds, what was not is begun
// again when there is space, and nobody has to come and mend anything.
func TestChaosDiskIsFull(t *testing.T) {
	t.Parallel()
	rounds, random := chaos(t, 3, 40)
	w := emptyWorld(t)
	h := w.newHost()
	if err := os.Mkdir(h.data, 0o700); err != nil {
		t.Fatal(err)
	}
	proctest.SmallDisk(t, h.data, 192)
	w.begin()
	s := &shop{w: w}
	crowd := s.open(8, 0)
	for round := range rounds {
		crowd.goesOn(4)
		ballast := h.fill()
		w.await("the host says that it cannot take payments", func() error { return h.readiness(http.StatusServiceUnavailable) })
		if status, _, err := h.operate(http.MethodGet, "/v1/payments?limit=1", nil); err != nil || status != http.StatusOK {
			t.Errorf("on a full disk payments cannot be read: %d %v", status, err)
		}
		<-time.After(time.Duration(random.IntN(int(time.Second))))
		if round == 1 {
			h.killHost()
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if round == 1 {
			h.startHost()
		}
		w.await("the host takes payments again", func() error { return h.readiness(http.StatusOK) })
	}
	close(crowd.stop)
	w.hasten()
	crowd.wait()
	w.hasten()
	w.judge(s)
}

// fill leaves no space on the host's disk, and returns the file that takes it.
func (h *host) fill() (file string) {
	h.w.t.Helper()
	file = filepath.Join(h.data, "ballast")
	f, err := os.Create(file)
	if err != nil {
		h.w.t.Fatal(err)
	}
	_, err = io.Copy(f, zeros{})
	if err = errors.Join(err, f.Close()); !errors.Is(err, syscall.ENOSPC) {
		h.w.t.Fatalf("filling the disk: %v", err)
	}
	h.w.faults++
	return file
}

// zeros is a file without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// readiness compares what the host tells a proxy.
func (h *host) readiness(want int) error {
	status, answer, err := h.operate(http.MethodGet, "/readyz", nil)
	if err == nil && status != want {
		err = fmt.Errorf("readyz is %d %v, want %d", status, answer, want)
	}
	return err
}
