-- A landed proposal that is missing from proposal_phase_keys. Of a load that came after the build had looked, since
-- landing goes on meanwhile, the next build knows.
select
    proposals.session_id,
    proposals.run_id,
    proposals.row_no
from {{ ref("stg_nand__proposal_rows") }} as proposals
inner join {{ ref("int_phase_keys__loads") }} as loads
    on proposals.load_id = loads.load_id
left join {{ ref("proposal_phase_keys") }} as phase_keys
    on
        proposals.session_id = phase_keys.session_id
        and proposals.run_id = phase_keys.run_id
        and proposals.row_no = phase_keys.row_no
where
    loads.is_current
    and phase_keys.row_no is null
