"""Every notebook is looked at. (01, 04 and 07 always, at the end of their own tests: there it takes a moment.)"""

import pytest
from lab import run_all
from looking import answer_all, build_a_login, check_a_host_key, check_a_site, look_at, sort_a_card

NOTEBOOKS = (
    "00_start_here.ipynb",
    "01_who_proves_what_to_whom.ipynb",
    "02_factors.ipynb",
    "04_certificates.ipynb",
    "05_one_way_tls.ipynb",
    "06_mutual_tls.ipynb",
    "07_ssh_host_keys.ipynb",
    "09_phishing_resistance.ipynb",
)


@pytest.mark.long
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_outputs_are_accessible_and_fit_in_a_narrow_window(lab, open_page, notebook):
    page, watch = open_page(lab, notebook)
    run_all(page)
    answer_all(page)
    check_a_site(page)
    check_a_host_key(page)
    sort_a_card(page)
    build_a_login(page)
    look_at(page)
    watch.check()
