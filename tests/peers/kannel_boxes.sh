# A Kannel on loopback for scripts that read this file with `source`, here and in `benches`.
#
#   pids=(); trap 'kill "${pids[@]}"' EXIT
#   start_kannel FIRST LEVEL     in the current folder: configuration, bearerbox, smsbox; ports from FIRST, logs of that level
#   wait_for PORT                until somebody listens there
#
# Ports: FIRST administration, +1 smsbox, +2 the message centre (`start_centre` of the script that reads this file is called
# with it), +3 sendsms, +4 wapbox, +5 push proxy gateway. Users `one` (one short message a request) and `many` (up to ten).

wait_for() {
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done
  echo "nobody listens on $1" >&2; exit 1
}

start_kannel() {
  local first=$1 level=$2
  cat > kannel.conf <<END
group = core
admin-port = $first
admin-password = x
admin-allow-ip = 127.0.0.1
smsbox-port = $((first + 1))
wapbox-port = $((first + 4))
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-level = $level

group = smsc
smsc = fake
smsc-id = fake
port = $((first + 2))
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = $((first + 3))
log-level = $level

group = sendsms-user
username = one
password = s3cret

group = sendsms-user
username = many
password = s3cret
concatenation = true
max-messages = 10

group = wapbox
bearerbox-host = 127.0.0.1
log-level = $level

group = ppg
ppg-url = /wappush
ppg-port = $((first + 5))
trusted-pi = true
concurrent-pushes = 10
END
  bearerbox -v "$level" kannel.conf > bearerbox.log 2>&1 & bearerbox=$!; pids+=($!)
  wait_for $((first + 1)); wait_for $((first + 4))
  start_centre $((first + 2))
  smsbox -v "$level" kannel.conf > smsbox.log 2>&1 & smsbox=$!; pids+=($!)
  wait_for $((first + 3))
}
