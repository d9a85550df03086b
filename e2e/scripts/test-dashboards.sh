#!/usr/bin/env bash
# Every expression of the dashboards against a real Prometheus that scraped the demo stack under load: each must give numbers.
#   test-dashboards.sh           checks
#   test-dashboards.sh draw      also draws the pictures of docs/pictures anew
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
MATPLOTLIB_VERSION=3.10.0
prometheus=http://127.0.0.1:9091
home=$CACHE/matplotlib-$MATPLOTLIB_VERSION

install_matplotlib() {
  rm -rf "$home"
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet "matplotlib==$MATPLOTLIB_VERSION"
  touch "$home/installed"
}
"$ROOT/e2e/scripts/observe.sh" metrics
step "People use the stack for ${LOAD_SECONDS:-180} s" dashboards-load python3 e2e/observe/load.py "${LOAD_SECONDS:-180}"
tail -n 1 "$LOGS/dashboards-load.log"
STEP_HINT="Mend the dashboard, or let the metric be there before anything goes wrong." \
  step "Every expression gives numbers" dashboards-check python3 e2e/observe/dashboards.py check "$prometheus"
tail -n 1 "$LOGS/dashboards-check.log"
if [ "${1:-}" = draw ]; then
  [ -e "$home/installed" ] || step "matplotlib $MATPLOTLIB_VERSION" matplotlib install_matplotlib
  step "Pictures of the dashboards" dashboards-draw "$home/bin/python" e2e/observe/dashboards.py draw "$prometheus" docs/pictures
fi
