package sandbox

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"time"
)

// reset ends a connection with a TCP reset. A stream of HTTP/2 cannot be taken
// over; it is aborted instead.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // how net/http is told to abort a stream
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the peer would see an orderly end
	}
	_ = conn.Close()
}

// cut sends headers that promise the whole body, and a part of it.
func (a answer) cut(w http.ResponseWriter, n int64) {
	if n == 0 {
		n = int64(len(a.body) / 2)
	}
	part := a
	part.body = a.body[:min(n, int64(len(a.body)))]
	part.length = len(a.body)
	part.write(w)
	_ = http.NewResponseController(w).Flush() // what cannot be flushed is cut off just as well
}

// drip sends an answer a little at a time.
func (s *Server) drip(w http.ResponseWriter, c *call, a answer, perSecond int64) {
	const beat = 100 * time.Millisecond
	piece := max(1, int(perSecond/10))
	wait := max(beat, time.Duration(int64(time.Second)*int64(piece)/perSecond)).Milliseconds()
	first := a
	first.body, first.length = nil, len(a.body)
	first.write(w)
	flush := http.NewResponseController(w)
	for rest := a.body; len(rest) > 0; {
		n := min(piece, len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			return
		}
		if rest = rest[n:]; flush.Flush() != nil || !s.pause(c.request.Context(), wait) {
			reset(w)
			return
		}
	}
}

func (a answer) contentLength() string {
	if a.length > 0 {
		return strconv.Itoa(a.length)
	}
	return strconv.Itoa(len(a.body))
}
